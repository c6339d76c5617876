"""How the page of a profile looks: by day, by night, on a phone and on paper."""

STYLE = """
:root {
  color-scheme: light dark; --ink: #1c2024; --soft: #60686f; --line: #dfe3e6; --paper: #ffffff;
  --card: #ffffff; --bar: #2f7d8c; --back: #f6f7f8;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9eb; --soft: #9aa4ab; --line: #2d343a; --paper: #14181b; --card: #1a1f23; --bar: #58aebd; --back: #14181b; }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 3rem; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif;
}
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; }
h1, h2, p, th, dd { overflow-wrap: anywhere; }
.facts { margin: 0.35rem 0 0; color: var(--soft); }
.facts span { white-space: nowrap; }
.rules { max-width: 46rem; margin: 0.75rem 0 0; font-size: 0.8rem; color: var(--soft); }
header .about { max-width: 46rem; margin: 0.75rem 0 0; white-space: pre-line; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 0.9rem; margin: 1.75rem 0; }
section {
  display: flex; flex-direction: column; padding: 0.95rem 1.1rem 1rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px; min-width: 0;
}
h2 { margin: 0; font-size: 1rem; line-height: 1.35; font-weight: 600; max-height: 8.1em; overflow: hidden; }
h2 small { margin-left: 0.45em; font-weight: 400; font-size: 0.85em; color: var(--soft); }
.kind { margin: 0; font-size: 0.8rem; color: var(--soft); }
section .about { margin: 0.5rem 0 0; font-size: 0.9rem; white-space: pre-line; }
figure { margin: 0.85rem 0 0; }
svg { display: block; width: 100%; }
figure svg { height: 4.25rem; }
rect { fill: var(--bar); }
.open { fill-opacity: 0.5; }
path { stroke: var(--line); fill: none; vector-effect: non-scaling-stroke; }
figcaption {
  display: flex; justify-content: space-between; gap: 1rem; margin-top: 0.25rem; font-size: 0.75rem;
  color: var(--soft); font-variant-numeric: tabular-nums;
}
table { width: 100%; margin: 0.75rem 0 0; border-collapse: collapse; font-size: 0.85rem; table-layout: fixed; }
th { width: 42%; padding: 0.12rem 0.75rem 0.12rem 0; text-align: start; vertical-align: top; font-weight: 400; }
td { padding: 0.12rem 0; vertical-align: top; overflow-wrap: anywhere; }
td svg { height: 0.7rem; margin-top: 0.32rem; }
td:nth-child(3) { width: 4.2rem; text-align: end; color: var(--soft); font-variant-numeric: tabular-nums; }
.labels th { width: 5rem; color: var(--soft); }
section:has(dl) > :nth-last-child(2) { margin-bottom: 0.85rem; }
dl {
  display: flex; flex-wrap: wrap; gap: 0.2rem 1.4rem; margin: auto 0 0; padding-top: 0.6rem;
  border-top: 1px solid var(--line); font-size: 0.8rem;
}
dl div { display: flex; gap: 0.4rem; }
dt { color: var(--soft); }
dd { margin: 0; font-variant-numeric: tabular-nums; }
@media (max-width: 30rem) { body { padding: 1.25rem 0.9rem 2rem; } h1 { font-size: 1.25rem; } }
@media print {
  :root { --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --card: #fff; --bar: #555; --back: #fff; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  main { grid-template-columns: 1fr 1fr; }
  section { break-inside: avoid; }
  rect { print-color-adjust: exact; }
}
"""
