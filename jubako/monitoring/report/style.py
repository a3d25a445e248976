"""The page's style sheet: paper and ink, one colour for live rows, one for what drifted."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf6; --ink: #1c1b19; --soft: #6b675e; --rule: #e3dfd4; --ref: #d9d3c5;
  --live: #2b5f8c; --drift: #c03d0e; --d1: #eeb08e; --d2: #dd7341; --d3: #c03d0e; --q0: #eceadf; --q1: #cfc9b9;
}
@media (prefers-color-scheme: dark) { :root {
  --paper: #161513; --ink: #eceae4; --soft: #9b968b; --rule: #2e2c28; --ref: #403d36;
  --live: #86b6e0; --drift: #ff8f5e; --d1: #6b3a22; --d2: #b35a30; --d3: #ff8f5e; --q0: #25231f; --q1: #413e36;
} }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100% }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 96px }
nav { display: flex; flex-wrap: wrap; gap: 4px 24px; padding-bottom: 16px; border-bottom: 1px solid var(--rule) }
nav b { font-weight: 600; margin-right: auto }
nav a { color: var(--soft); text-decoration: none }
nav a:hover { color: var(--ink) }
nav .drifted { color: var(--drift) }
h1, h2, .lead { font-family: ui-serif, "Iowan Old Style", Charter, "Source Serif 4", Georgia, serif }
section + section { margin-top: 72px; border-top: 1px solid var(--rule) }
h1 { font-size: 44px; line-height: 1.1; font-weight: 500; letter-spacing: -.01em; margin: 56px 0 4px }
h2 { font-size: 22px; font-weight: 500; margin: 56px 0 4px }
h3 { font-size: 15px; font-weight: 600; margin: 0; overflow-wrap: anywhere }
p { margin: 0 }
.soft, .note { color: var(--soft) }
.note { font-size: 13px; max-width: 70ch }
.lead { font-size: 22px; line-height: 1.35; margin: 24px 0 6px; max-width: 34em }
.lead.drifted { color: var(--drift) }
.key { display: inline-block; width: 14px; height: 9px; margin: 0 5px 0 0; background: var(--ref) }
.key.of-live { height: 0; border-top: 2px solid var(--live); vertical-align: 3px }
.key.of-drift { background: var(--d2) }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); gap: 44px 40px;
  margin-top: 24px }
.column { min-width: 0 }
.column header { display: flex; align-items: baseline; gap: 8px; margin-bottom: 10px }
.column .role { color: var(--soft); font-size: 13px }
.column .score { margin-left: auto; color: var(--soft); font-size: 13px; white-space: nowrap }
.drifted .score, .drifted .why { color: var(--drift) }
.why { font-size: 13px; margin-top: 8px }
.dist { display: block; width: 100%; height: 88px; border-bottom: 1px solid var(--rule); overflow: visible }
.ref { fill: var(--ref) }
.live { fill: none; stroke: var(--live); stroke-width: 1.75; vector-effect: non-scaling-stroke;
  stroke-linejoin: round }
.live-area { fill: var(--live); opacity: .1 }
.drifted .live { stroke: var(--drift) } .drifted .live-area { fill: var(--drift) }
.ends { display: flex; justify-content: space-between; color: var(--soft); font-size: 12px; margin-top: 3px }
.cats { display: grid; gap: 5px; font-size: 13px }
.cat { display: grid; grid-template-columns: minmax(0, 9em) 1fr 3.2em; gap: 10px; align-items: center }
.cat-name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--soft) }
.cat-bars { position: relative; height: 12px }
.cat-bars i { position: absolute; left: 0; display: block }
.cat-ref { top: 0; height: 12px; background: var(--ref) }
.cat-live { top: 4px; height: 4px; background: var(--live) }
.drifted .cat-live { background: var(--drift) }
.cat-share { text-align: right; color: var(--soft) }
.cat-rest { display: block; color: var(--soft) }
.strip { display: flex; gap: 1px; height: 14px; min-width: 0 }
.strip i { flex: 1 1 0; min-width: 1px; background: var(--q0) }
.strip .g { background: none }
.strip .n { background: none; border-bottom: 1px solid var(--rule) }
.strip .q1 { background: var(--q1) } .strip .d1 { background: var(--d1) }
.strip .d2 { background: var(--d2) } .strip .d3 { background: var(--d3) }
.time { display: grid; gap: 5px 16px; grid-template-columns: minmax(0, 12em) 1fr 3.5em; margin-top: 20px;
  align-items: center; font-size: 13px }
.time a { color: inherit; text-decoration: none; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.time a:hover { text-decoration: underline }
.time span:nth-child(3n) { text-align: right; color: var(--soft) }
.time .drifted { color: var(--drift) !important }
.time .axis { display: flex; justify-content: space-between; color: var(--soft); font-size: 12px }
details { margin-top: 10px; font-size: 13px }
summary { color: var(--soft); cursor: pointer; width: fit-content }
summary:hover { color: var(--ink) }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin-top: 14px; font-size: 14px }
details table { margin-top: 6px; font-size: 13px; width: 100% }
th { font-weight: 400; color: var(--soft); text-align: left }
th, td { padding: 5px 24px 5px 0; border-bottom: 1px solid var(--rule); white-space: nowrap }
details th, details td { padding: 3px 8px 3px 0 }
td.n, th.n { text-align: right }
th:last-child, td:last-child { padding-right: 0 }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 0 64px }
.bad { color: var(--drift) }
footer { margin-top: 72px; padding-top: 16px; border-top: 1px solid var(--rule) }
@media (max-width: 600px) {
  main { padding: 24px 18px 64px }
  h1 { font-size: 34px; margin-top: 36px } h2 { margin-top: 44px } .lead { font-size: 19px }
  .time { grid-template-columns: minmax(0, 8em) 1fr 2.6em; gap: 5px 10px }
  nav b { flex-basis: 100% }
  th, td { padding-right: 16px }
  .facts td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 7em }
}
@media print { details { display: none } .grid { grid-template-columns: repeat(3, 1fr) } }
"""
