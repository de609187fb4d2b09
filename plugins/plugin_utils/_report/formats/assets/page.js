"use strict";
const start = (data) => {
  const [table, frame, detail, form, shown, fold] = ["matrix", "frame", "detail", "filters", "shown", "fold"].map((id) => document.getElementById(id));
  const fields = ["host", "service", "verdict"].map((id) => document.getElementById(id));
  const text = (index) => data.texts[index];
  // Hosts stand once in the data.
  for (const list of [data.rows, data.columns]) list.forEach((host, index) => { list[index] = data.hosts[host]; });
  for (const group of data.groups) group.names = group.hosts.map((host) => data.hosts[host]);
  const OK = 0; // the number of a verdict is its severity
  const NARROW = 16; // up to so many columns, a cell has room for its numbers
  const MOST_CELLS = 2500; // up to so many, the whole matrix is there; of a larger one, what is in sight
  const MOST_PRINTED = 100000; // on paper
  const AROUND = 6; // rows and columns that are there around what is in sight
  const MOST_ENTRIES = 40;
  const MOST_PARTS = 6; // of a range of ports that stand there in words

  // Kinds of flows: each field is a list with one entry for each kind. A pair of hosts has the number of a set of them.
  const names = Object.keys(data.kinds);
  const kinds = data.kinds.verdict.map((_, index) => Object.fromEntries(names.map((name) => [name, data.kinds[name][index]])));
  const sets = data.sets.map((numbers) => numbers.map((number) => kinds[number]));
  const width = data.columns.length;
  const pairs = new Uint32Array(data.rows.length * width);
  data.cells.forEach((runs, row) => {
    let place = row * width;
    for (let index = 0; index < runs.length; index += 2) pairs.fill(runs[index], place, place += runs[index + 1]);
  });
  const numbered = (list) => new Map(list.map((name, index) => [name, index]));
  const places = { row: numbered(data.rows), column: numbered(data.columns) };

  // What was measured of the paths behind a cell: the worst of its addresses. A number from 0 (as usual) to 3 (look
  // at it first) is the heat of a value; what is usual is the median of all cells.
  const medians = {};
  function usual(name) {
    if (medians[name] === undefined) {
      const known = new Float64Array(data.paths[name].length);
      let count = 0;
      for (const value of data.paths[name]) if (value !== null) known[count++] = Math.abs(value);
      medians[name] = known.subarray(0, count).sort()[Math.floor(count / 2)];
    }
    return medians[name];
  }
  const steps = (value, ...bounds) => bounds.filter((bound) => value > bound).length;
  const MEASURES = {
    rtt: { worse: Math.max, heat: (value, median) => steps(value, Math.max(1.5 * median, 0.5), Math.max(3 * median, 1), Math.max(10 * median, 5)), shown: String,
      says: (value) => `${value} ms`, legend: "Median round trip of handshakes in milliseconds; coloured by its ratio to the usual one: above 1.5, 3 and 10 times." },
    loss: { worse: Math.max, heat: (value) => steps(value, 0, 1, 5), shown: (value) => `${value}`,
      says: (value) => `${value} % lost`, legend: "Connections whose first try was not answered, in per cent; coloured above 0, 1 and 5." },
    segment: { worse: Math.min, heat: (value, median) => value < 0 ? 3 : value < median ? 2 : 0, shown: (value) => value < 0 ? `${-value}!` : `${value}`,
      says: (value) => value < 0 ? `full-size segments vanish, ${-value} bytes pass` : `${value} bytes`, legend: "Largest TCP segment that passes in both directions, in bytes; with ! where larger ones vanish." },
    clock: { worse: (one, other) => Math.abs(one) > Math.abs(other) ? one : other, heat: (value) => steps(Math.abs(value), 0.1, 1, 60), shown: (value) => `${value}`,
      says: (value) => `${value} s`, legend: "The destination's clock minus the source's, in seconds; coloured above 0.1, 1 and 60." },
    idle: { worse: Math.min, heat: (value) => value < 0 ? 3 : 0, shown: (value) => value < 0 ? `${-value}!` : `${value}`,
      says: (value) => value < 0 ? `cut after ${-value} idle seconds` : `works after ${value} idle seconds`, legend: "The longest time in seconds after which idle connections still worked; with ! the shortest after which one was cut." },
    throughput: { worse: Math.min, heat: (value, median) => steps(median / value, 1.33, 2, 5), shown: String,
      says: (value) => `${value} MB/s`, legend: "What a transfer carries in its slower direction, in megabytes (10^6 bytes) a second; coloured where the usual is more than 1.33, 2 and 5 times as much." },
  };
  const measure = document.getElementById("measure");
  const legend = document.getElementById("legend");
  // Equal values in a row are given once, each with its count.
  for (const [name, values] of Object.entries(data.paths)) {
    if (values.runs) data.paths[name] = values.runs.flatMap((value, index, runs) => index % 2 ? [] : Array(runs[index + 1]).fill(value));
  }
  const pairsOfPaths = [];
  (data.paths.pair ?? []).reduce((before, step) => pairsOfPaths[pairsOfPaths.length] = before + step, 0);
  // They are numbered row by row, so the paths of a source are those from its first one to that of the next.
  const firstPaths = new Uint32Array(data.rows.length + 1);
  for (const pair of pairsOfPaths) firstPaths[Math.floor(pair / width) + 1] += 1;
  for (let row = 0; row < data.rows.length; row += 1) firstPaths[row + 1] += firstPaths[row];

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function badge(verdict) {
    const { word, sign, kind } = data.verdicts[verdict];
    return make("span", { class: `badge ${kind}` }, make("b", { "aria-hidden": "true" }, sign), ` ${word}`);
  }

  // Times have two characters each: three digits and a power of ten.
  const digit = new Map([..."#".repeat(92)].map((_, index) => String.fromCharCode(35 + index)).filter((one) => !"\\<".includes(one)).map((one, index) => [one, index]));
  function time(code) {
    const number = digit.get(code[0]) * digit.size + digit.get(code[1]);
    return Number(((number % 900 + 100) * 10 ** (Math.floor(number / 900) - 5)).toPrecision(3));
  }

  // The flows of a pair, with what is only theirs.
  function flowsOf(row, column) {
    let place = 0;
    for (let before = 0; before < column; before += 1) for (const kind of sets[pairs[row * width + before]]) place += 6 * kind.timed;
    return sets[pairs[row * width + column]].map((kind) => {
      const times = kind.timed ? data.times[row].slice(place, place += 6) : "";
      return { kind, row, column, address: data.to[column][kind.address], times: (times.match(/../g) ?? []).map(time).join(" / ") };
    });
  }

  function filled(flow, index) {
    const replaced = [flow.address, data.addresses[flow.row], data.external[flow.row], data.rows[flow.row], data.columns[flow.column]];
    return text(index).replace(/[\uE000-\uE004]/g, (mark) => replaced[mark.charCodeAt(0) - 0xE000]);
  }

  function numbers(flow) {
    const { kind } = flow;
    const found = [["address", flow.address], ["expected", text(kind.expected)], ["seen", text(kind.seen)], ["ms min / median / max", flow.times],
      ["who answers", text(kind.identity)], ["cause", text(kind.cause)], ["evidence", filled(flow, kind.evidence)], ["next command", filled(flow, kind.command)]];
    return make("dl", {}, ...found.filter(([, value]) => value).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  }

  function entry(flow, pairsAlike) {
    const what = make("span", { class: "what" }, `${text(flow.kind.service)} ${text(flow.kind.ports)}`);
    const example = pairsAlike > 1 ? [make("p", { class: "hint" }, `${pairsAlike} pairs of hosts; for example ${data.rows[flow.row]} → ${data.columns[flow.column]}:`)] : [];
    return make("li", {}, badge(flow.kind.verdict), " ", what, ...example, make("p", {}, filled(flow, flow.kind.sentence)), numbers(flow));
  }

  // What the filters leave of the set of a pair; each set is looked at once.
  let wanted = ["", "", ""];
  let tallies = [];

  const isOfService = (kind) => !wanted[1] || text(kind.service) === wanted[1];

  function matches(kind) {
    const verdict = wanted[2];
    return isOfService(kind) && (!verdict || (verdict === "not ok" ? kind.verdict !== OK : data.verdicts[kind.verdict].word === verdict));
  }

  // Results of one flow differ in their ports or addresses alone.
  const isDenied = (kind) => text(kind.expected) === "denied";
  const flowOf = (kind) => 2 * kind.service + (isDenied(kind) ? 1 : 0);
  const flowsIn = (list) => new Set(list.map(flowOf)).size;

  function tally(set) {
    if (!tallies[set]) {
      const left = sets[set].filter(matches);
      const words = new Set(left.map((kind) => kind.verdict));
      // How many are ok is a share of all, also where only the others are shown.
      const all = left.length ? sets[set].filter(isOfService) : [];
      const total = flowsIn(all);
      const bits = [...words].reduce((sum, word) => sum | 1 << word, 0);
      tallies[set] = { total, ok: total - flowsIn(all.filter((kind) => kind.verdict !== OK)), flows: flowsIn(left), bits };
    }
    return tallies[set];
  }

  const isNamed = (name) => Boolean(wanted[0]) && name.toLowerCase().includes(wanted[0]);
  let named = { row: [], column: [] }; // whether the filter names each host
  const unfolded = { row: new Set(), column: new Set() };

  // The rows or the columns: hosts, and groups of hosts. Hosts that the filter names leave their group, unless all do.
  function units(axis) {
    return data.groups.flatMap((group, number) => {
      const members = group.names.filter((name) => places[axis].has(name));
      const alone = (name, index) => ({ label: group.short[group.names.indexOf(name)], title: name, members: [places[axis].get(name)], number: group.names.length > 1 ? number : -1, isFirst: !index });
      if (group.names.length === 1 || unfolded[axis].has(number)) return members.map(alone);
      const named = members.filter(isNamed);
      const others = named.length === members.length ? members : members.filter((name) => !isNamed(name));
      const label = others.length === group.names.length ? group.label : `${others.length} of ${group.label}`;
      const folded = { label, title: others.join(", "), members: others.map((name) => places[axis].get(name)), number, isFolded: true };
      return [...(named === members || others === members ? [] : named.map((name) => ({ ...alone(name, 1), number: -1 }))), ...(others.length ? [folded] : [])];
    });
  }

  let rows = []; // hosts and groups of hosts
  let columns = [];
  let rowOf = []; // the row that holds a source
  let columnOf = []; // the column that holds a destination
  let grid = []; // rows of cells, each of which is made when it is asked for
  let measured = []; // of each row: what was measured behind its cells

  const wordsOf = []; // the verdicts of each set of bits

  // A large site has half a million pairs, so this asks nothing twice: names were looked at before, verdicts are bits.
  function counted(row, column) {
    const cell = { row, column, place: "", total: 0, ok: 0, words: [] };
    let bits = 0;
    for (const source of row.members) {
      const isSourceNamed = !wanted[0] || named.row[source];
      for (const destination of column.members) {
        const set = pairs[source * width + destination];
        if (!set) continue;
        if (!cell.place) cell.place = `c${source}-${destination}`;
        if (!isSourceNamed && !named.column[destination]) continue;
        const found = tallies[set] ?? tally(set);
        cell.total += found.total;
        cell.ok += found.ok;
        bits |= found.bits;
      }
    }
    cell.words = wordsOf[bits] ??= data.verdicts.map((_, word) => word).filter((word) => bits >> word & 1);
    cell.worst = Math.max(-1, ...cell.words);
    return cell;
  }

  function cellAt(y, x) {
    if (!rows[y] || !columns[x]) return undefined;
    grid[y] ??= [];
    return grid[y][x] ??= { ...counted(rows[y], columns[x]), y, x };
  }

  // What the filters leave: which rows and columns have a flow, and how many flows there are.
  function remaining() {
    const found = { row: new Uint8Array(data.rows.length), column: new Uint8Array(width), flows: 0 };
    for (let row = 0, pair = 0; row < data.rows.length; row += 1) {
      const isSourceNamed = !wanted[0] || named.row[row];
      for (let column = 0; column < width; column += 1, pair += 1) {
        const set = pairs[pair];
        if (!set || !(isSourceNamed || named.column[column])) continue;
        const { flows } = tallies[set] ?? tally(set);
        if (!flows) continue;
        found.row[row] = found.column[column] = 1;
        found.flows += flows;
      }
    }
    return found;
  }

  const shownMeasure = () => measure && MEASURES[measure.value];

  // What was measured behind the cells of a row; NaN if nothing was.
  function measuredIn(y) {
    const { worse } = shownMeasure();
    const values = data.paths[measure.value];
    const found = new Float64Array(columns.length).fill(NaN);
    for (const row of rows[y].members) {
      for (let index = firstPaths[row]; index < firstPaths[row + 1]; index += 1) {
        const x = columnOf[pairsOfPaths[index] - row * width];
        if (values[index] === null || x < 0) continue;
        found[x] = Number.isNaN(found[x]) ? values[index] : worse(found[x], values[index]);
      }
    }
    return found;
  }

  function measuredAt({ y, x }) {
    const chosen = shownMeasure();
    const value = (measured[y] ??= measuredIn(y))[x];
    return Number.isNaN(value) ? null : { text: chosen.shown(value), kind: `heat${chosen.heat(value, usual(measure.value))}`, says: chosen.says(value) };
  }

  function element(cell, isNarrow) {
    const box = document.createElement("td");
    if (!cell.place) return box;
    box.id = cell.place;
    box.tabIndex = -1;
    const { sign, kind } = cell.worst < 0 ? { sign: "·", kind: "off" } : data.verdicts[cell.worst];
    const words = [...cell.words].sort((one, other) => other - one).map((word) => data.verdicts[word].word);
    let [look, mark, small] = [kind, sign, isNarrow && cell.total ? `${cell.ok}/${cell.total}` : ""];
    if (shownMeasure()) {
      const found = measuredAt(cell);
      look = !cell.total ? "off" : found ? found.kind : "unknown";
      [mark, small] = ["", isNarrow && found && cell.total ? found.text : ""];
      words.push(found ? found.says : "not measured");
    }
    box.className = look;
    box.textContent = mark;
    if (small) box.append(make("small", {}, small));
    // What is seen stands first, so that who speaks to a browser can say it.
    box.setAttribute("aria-label", `${mark}${small} ${cell.row.label} to ${cell.column.label}: ${words.join(", ") || "hidden by the filters"}`.trim());
    return box;
  }

  function heading(unit, axis) {
    const head = make("th", { scope: axis === "row" ? "row" : "col", title: unit.title });
    const inner = axis === "row" ? head : head.appendChild(make("span", {}));
    const canFold = unit.isFolded || (unit.number >= 0 && unit.isFirst);
    if (!canFold) {
      inner.append(unit.label);
      return head;
    }
    const said = unit.isFolded ? `+ ${unit.label}` : `− ${unit.label}`;
    const button = inner.appendChild(make("button", { type: "button", class: "toggle", "aria-expanded": String(!unit.isFolded), "data-group": `${axis}${unit.number}` }, said));
    button.addEventListener("click", () => {
      if (unit.isFolded) unfolded[axis].add(unit.number);
      else unfolded[axis].delete(unit.number);
      build();
      const index = (axis === "row" ? rows : columns).findIndex((one) => one.number === unit.number && (one.isFolded || one.isFirst));
      if (axis === "row") reveal(index, undefined);
      else reveal(undefined, index);
      table.querySelector(`[data-group="${axis}${unit.number}"]`)?.focus();
    });
    return head;
  }

  // Which rows and columns are there: all, or those in sight and a few around them. All cells of a large matrix have one
  // size, and the room around the table is what the others would take.
  const room = document.createElement("div");
  table.before(room);
  room.append(table);
  let drawn = { isPart: false };
  const step = { down: 25, right: 25 }; // from one row and from one column to the next, in pixels

  // Where the rows and the columns in sight begin and end; the headings cover what is under them.
  function inSight() {
    const corner = table.tHead.rows[0].cells[0];
    return {
      top: Math.floor(frame.scrollTop / step.down), bottom: Math.ceil((frame.scrollTop + frame.clientHeight - corner.offsetHeight) / step.down),
      left: Math.floor(frame.scrollLeft / step.right), right: Math.ceil((frame.scrollLeft + frame.clientWidth - corner.offsetWidth) / step.right),
    };
  }

  function spanToDraw(most) {
    const whole = { isPart: false, top: 0, bottom: rows.length, left: 0, right: columns.length };
    if (rows.length * columns.length <= most) return whole;
    const seen = inSight();
    const within = (place, length) => Math.max(0, Math.min(place, length));
    const span = { isPart: true, top: within(seen.top - AROUND, rows.length - 1), bottom: within(seen.bottom + AROUND, rows.length), left: 0, right: columns.length };
    // The cells of few columns have numbers, and are as wide as these.
    return columns.length <= NARROW ? span : { ...span, left: within(seen.left - AROUND, columns.length - 1), right: within(seen.right + AROUND, columns.length) };
  }

  function makeRoom() {
    const { top, bottom, left, right } = drawn;
    const sides = [top * step.down, (columns.length - right) * step.right, (rows.length - bottom) * step.down, left * step.right];
    room.style.padding = sides.map((side) => `${side}px`).join(" ");
  }

  function measureStep() {
    const before = { ...step };
    const [one, other] = table.tBodies[0].rows;
    const between = (first, second, side) => second.getBoundingClientRect()[side] - first.getBoundingClientRect()[side];
    if (other) step.down = between(one, other, "top");
    if (one.cells[2]) step.right = between(one.cells[1], one.cells[2], "left");
    if (Math.abs(step.down - before.down) < 0.01 && Math.abs(step.right - before.right) < 0.01) return;
    makeRoom();
    follow();
  }

  function draw(most = MOST_CELLS) {
    drawn = spanToDraw(most);
    const { isPart, top, bottom, left, right } = drawn;
    document.getElementById("part").hidden = !isPart;
    const isNarrow = columns.length <= NARROW;
    const focused = table.contains(document.activeElement) ? document.activeElement : null;
    table.className = `${isNarrow ? "narrow" : "wide"}${isPart ? " part" : ""}`;
    if (isPart) {
      // Whoever scrolls through it would fill the memory.
      [grid, measured] = [[], []];
      table.style.setProperty("--label", `${Math.max(...[...rows, ...columns].map(({ label }) => label.length))}ch`);
      table.setAttribute("aria-rowcount", rows.length + 1);
      table.setAttribute("aria-colcount", columns.length + 1);
    } else {
      table.removeAttribute("aria-rowcount");
      table.removeAttribute("aria-colcount");
    }
    const [head] = table.tHead.rows;
    const shownColumns = columns.slice(left, right);
    head.replaceChildren(head.cells[0], ...shownColumns.map((column) => heading(column, "column")));
    let stop = null;
    const lines = rows.slice(top, bottom).map((row, line) => {
      const cells = shownColumns.map((_, index) => cellAt(top + line, left + index));
      const boxes = cells.map((cell) => element(cell, isNarrow));
      cells.forEach((cell, index) => {
        if (isPart) boxes[index].setAttribute("aria-colindex", cell.x + 2);
        if (cell.place === chosen?.place) boxes[index].classList.add("chosen");
        if (cell.total && (!stop || cell.place === chosen?.place)) stop = boxes[index];
      });
      return make("tr", isPart ? { "aria-rowindex": top + line + 2 } : {}, heading(row, "row"), ...boxes);
    });
    table.tBodies[0].replaceChildren(...lines);
    if (stop) stop.tabIndex = 0;
    makeRoom(); // first of all, or the browser would scroll back to what is there
    if (isPart) measureStep();
    // What had the focus may be out of sight now, but the keys go on from there.
    if (focused && !table.contains(focused)) {
      const again = focused.id ? document.getElementById(focused.id) : table.querySelector(`[data-group="${focused.dataset.group}"]`);
      (again ?? table).focus({ preventScroll: true });
    }
  }

  const isDrawn = (y, x) => (y === undefined || (drawn.top <= y && y < drawn.bottom)) && (x === undefined || (drawn.left <= x && x < drawn.right));

  // Bring a row or a column of a large matrix into its middle, if it is not there.
  function reveal(y, x) {
    if (!drawn.isPart || isDrawn(y, x)) return;
    if (y !== undefined) frame.scrollTop = (y + 1) * step.down - frame.clientHeight / 2;
    if (x !== undefined) frame.scrollLeft = (x + 1) * step.right - frame.clientWidth / 2;
    draw();
  }

  function boxOf(cell) {
    reveal(cell.y, cell.x);
    return document.getElementById(cell.place);
  }

  function follow() {
    if (!drawn.isPart) return;
    const { top, bottom, left, right } = inSight();
    if (!isDrawn(top, left) || !isDrawn(Math.min(bottom, rows.length) - 1, Math.min(right, columns.length) - 1)) draw();
  }

  frame.addEventListener("scroll", follow);
  // On a phone that is turned, cells have another size.
  new ResizeObserver(() => { if (drawn.isPart) draw(); }).observe(frame);
  window.addEventListener("beforeprint", () => { if (drawn.isPart) draw(MOST_PRINTED); });
  window.addEventListener("afterprint", () => { if (!drawn.isPart) draw(); });

  // The number of the unit that holds each member; -1 if none does.
  function byMember(list, length) {
    const found = new Int32Array(length).fill(-1);
    list.forEach((unit, index) => unit.members.forEach((member) => { found[member] = index; }));
    return found;
  }

  function build() {
    const left = remaining();
    const isKept = wanted.some(Boolean) ? (axis) => (unit) => unit.members.some((member) => left[axis][member]) : () => () => true;
    rows = units("row").filter(isKept("row"));
    columns = units("column").filter(isKept("column"));
    rowOf = byMember(rows, data.rows.length);
    columnOf = byMember(columns, width);
    [grid, measured] = [[], []];
    const found = shownMeasure();
    legend.hidden = !found;
    if (found) legend.textContent = found.legend;
    chosen = null;
    draw();
    const isFolded = [...rows, ...columns].some((unit) => unit.isFolded);
    fold.hidden = [...rows, ...columns].every((unit) => unit.number < 0); // the filters may hide all groups
    fold.textContent = isFolded ? "Unfold all hosts" : "Fold equal hosts";
    return left.flows;
  }

  let chosen = null;
  let origin = null; // the link that led to a cell

  function wayBack() {
    if (!origin) return [];
    const back = make("button", { type: "button" }, "Back to the list");
    const link = origin;
    back.addEventListener("click", () => link.focus());
    return [back];
  }

  // The sets of kinds of the pairs of a cell that have flows and that the filter of hosts leaves: how many pairs have it,
  // and the first of them.
  function setsOf(cell) {
    const found = new Map();
    for (const row of cell.row.members) {
      for (const column of cell.column.members) {
        const set = pairs[row * width + column];
        if (!set || (wanted[0] && !named.row[row] && !named.column[column])) continue;
        const known = found.get(set);
        if (known) known.pairs += 1;
        else found.set(set, { row, column, pairs: 1 });
      }
    }
    return found;
  }

  // The parts of the ports of some kinds of flows, each with the worst verdict of its ports.
  function portParts(list) {
    const ranges = list.flatMap((kind) => (text(kind.ports).match(/\d+(-\d+)?/g) ?? []).map((range) => {
      const [first, last] = range.split("-").map(Number);
      return { first, last: last ?? first, verdict: kind.verdict };
    }));
    const cuts = [...new Set(ranges.flatMap(({ first, last }) => [first, last + 1]))].sort((one, other) => one - other);
    const parts = [];
    cuts.slice(0, -1).forEach((first, index) => {
      const verdict = Math.max(-1, ...ranges.filter((range) => range.first <= first && first <= range.last).map((range) => range.verdict));
      const before = parts.at(-1);
      if (before?.verdict === verdict && before.last + 1 === first) before.last = cuts[index + 1] - 1;
      else if (verdict >= 0) parts.push({ first, last: cuts[index + 1] - 1, verdict });
    });
    return parts;
  }

  // Which part of a range of ports is open, for each service of a cell that has a range: the worst of all its pairs.
  function bars(cell) {
    const found = [...setsOf(cell).keys()].flatMap((set) => sets[set]);
    const seen = new Set(found.filter(matches).map(flowOf));
    const services = new Map();
    for (const kind of found.filter((one) => seen.has(flowOf(one)))) {
      const service = `${isDenied(kind) ? "not " : ""}${text(kind.service)} ${text(kind.ports).split(" ")[0]}`;
      services.set(service, [...(services.get(service) ?? []), kind]);
    }
    return [...services].flatMap(([service, list]) => {
      const parts = portParts(list);
      const total = parts.reduce((sum, { first, last }) => sum + last - first + 1, 0);
      return total > 1 ? [bar(service, parts, total)] : [];
    });
  }

  function bar(service, parts, total) {
    const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of Object.entries({ class: "ports", "aria-hidden": "true", viewBox: `0 0 ${total} 8`, preserveAspectRatio: "none" })) picture.setAttribute(name, value);
    let x = 0;
    for (const { first, last, verdict } of parts) {
      const rect = document.createElementNS(picture.namespaceURI, "rect");
      const isOpen = verdict === OK;
      for (const [name, value] of Object.entries({ class: data.verdicts[verdict].kind, x, y: isOpen ? 0 : 5, width: last - first + 1, height: isOpen ? 8 : 3 })) rect.setAttribute(name, value);
      picture.append(rect);
      x += last - first + 1;
    }
    const said = parts.slice(0, MOST_PARTS).map(({ first, last, verdict }) => `${first === last ? first : `${first}-${last}`} ${data.verdicts[verdict].word}`);
    if (parts.length > MOST_PARTS) said.push(`and ${parts.length - MOST_PARTS} more parts`);
    return make("div", { class: "range" }, make("span", { class: "what" }, service), ` ${said.join(", ")}`, picture);
  }

  // The flows of a cell that the filters leave; what is alike for several pairs stands once, with an example.
  function entries(cell) {
    const alike = new Map();
    const isSingle = cell.row.members.length * cell.column.members.length === 1;
    for (const [set, { row, column, pairs: count }] of setsOf(cell)) {
      const counted = new Set();
      for (const kind of sets[set].filter(matches)) {
        const key = [kind.verdict, kind.service, kind.ports, kind.expected, kind.seen, kind.cause, isSingle ? kind.address : ""].join();
        if (!alike.has(key)) alike.set(key, { row, column, kind, pairs: 0 });
        if (!counted.has(key)) alike.get(key).pairs += count;
        counted.add(key);
      }
    }
    const found = [...alike.values()].sort((one, other) => other.kind.verdict - one.kind.verdict);
    const shownOnes = found.slice(0, MOST_ENTRIES).map((one) => entry(flowsOf(one.row, one.column).find((flow) => flow.kind === one.kind), one.pairs));
    if (found.length > MOST_ENTRIES) shownOnes.push(make("li", {}, `… and ${found.length - MOST_ENTRIES} more: unfold the hosts`));
    return shownOnes;
  }

  function cellOf(name) {
    const [row, column] = name.slice(1).split("-").map(Number);
    return cellAt(rowOf[row], columnOf[column]);
  }

  function show(name, focus) {
    if (!/^c\d+-\d+$/.test(name ?? "")) return;
    let cell = cellOf(name);
    if (!cell?.total && wanted.some(Boolean)) {
      for (const field of fields) field.value = "";
      filter();
      cell = cellOf(name);
    }
    if (!cell?.total) return;
    const box = boxOf(cell);
    for (const other of table.querySelectorAll('td.chosen, td[tabindex="0"]')) {
      other.classList.remove("chosen");
      other.tabIndex = -1;
    }
    chosen = cell;
    box.classList.add("chosen");
    box.tabIndex = 0;
    detail.replaceChildren(make("h2", {}, `${cell.row.label} → ${cell.column.label}`), ...wayBack(), ...bars(cell), make("ul", {}, ...entries(cell)));
    origin = null;
    detail.hidden = false;
    if (focus) {
      box.focus({ preventScroll: true });
      box.scrollIntoView({ block: "nearest", inline: "nearest" });
      uncover(box);
    }
  }

  // The details of a cell may cover the end of a long matrix, but never the cell itself.
  function uncover(box) {
    const covered = box.getBoundingClientRect().bottom + 8 - detail.getBoundingClientRect().top;
    if (covered > 0) window.scrollBy(0, covered);
  }

  function list([host, service, verdict]) {
    const namedHosts = data.hosts.map(isNamed);
    // The numbers of the hosts of an entry are ranges: 0-61 63.
    const isOf = (item) => item.dataset.hosts.split(" ").some((range) => {
      const [first, last] = range.split("-").map(Number);
      return namedHosts.slice(first, (last ?? first) + 1).includes(true);
    });
    for (const item of document.querySelectorAll("#groups li[data-verdict]")) {
      item.hidden = Boolean((host && !isOf(item)) || (service && item.dataset.service !== service)
        || (verdict && (verdict === "not ok" ? item.dataset.verdict === "ok" : item.dataset.verdict !== verdict)));
    }
    for (const row of document.querySelectorAll("#services tr[data-service]")) {
      row.hidden = Boolean((service && row.dataset.service.replace(/^not /, "") !== service) || (verdict === "not ok" && row.dataset.ok === "1"));
    }
    const rows = [...document.querySelectorAll("#services tr")];
    const used = (x) => rows.some((row) => row.dataset.service && !row.hidden && row.cells[x].className);
    for (let x = 1; x < (rows[0]?.cells.length ?? 0); x += 1) {
      const isHidden = !used(x);
      for (const row of rows) row.cells[x].hidden = isHidden;
    }
  }

  const total = pairs.reduce((sum, set) => sum + tally(set).flows, 0);

  function filter() {
    wanted = fields.map((field) => field.value.trim());
    wanted[0] = wanted[0].toLowerCase();
    named = { row: data.rows.map(isNamed), column: data.columns.map(isNamed) };
    tallies = [];
    const count = build();
    list(wanted);
    shown.textContent = `${count} of ${total} flow${total === 1 ? "" : "s"}${wanted[2] === "not ok" ? ", those that are not ok" : ""}`;
    detail.hidden = true;
  }

  // Cells without a flow are skipped, and so are those that the filters hide.
  function neighbour(cell, down, right, far) {
    let found = null;
    for (let next = cellAt(cell.y + down, cell.x + right); next; next = cellAt(next.y + down, next.x + right)) {
      if (!next.total) continue;
      found = next;
      if (!far) return found;
    }
    return found;
  }

  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -1, true], End: [0, 1, true], PageUp: [-1, 0, true], PageDown: [1, 0, true] };

  table.addEventListener("keydown", (event) => {
    const place = event.target.closest("td[id]")?.id ?? (event.target === table ? chosen?.place : undefined);
    if (!place) return;
    const way = STEPS[event.key];
    if (way) {
      const next = neighbour(cellOf(place), ...way);
      if (next) show(next.place, true);
    } else if (event.key === "Enter" || event.key === " ") {
      show(place, false);
      detail.focus();
    } else {
      return;
    }
    event.preventDefault();
  });
  detail.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chosen) boxOf(chosen).focus();
  });
  table.addEventListener("click", (event) => show(event.target.closest("td")?.id, true));
  table.addEventListener("pointerover", (event) => {
    const box = event.target.closest("td[aria-label]");
    if (box && !box.title) box.title = box.getAttribute("aria-label");
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#c"]');
    if (!link) return;
    origin = link;
    if (location.hash === link.hash) show(link.hash.slice(1), true); // the hash does not change
  });
  window.addEventListener("hashchange", () => show(location.hash.slice(1), true));
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  fold.addEventListener("click", () => {
    const isFolded = table.querySelector('button[aria-expanded="false"]') !== null;
    for (const axis of ["row", "column"]) {
      unfolded[axis].clear();
      if (isFolded) data.groups.forEach((group, number) => { if (group.names.length > 1) unfolded[axis].add(number); });
    }
    filter();
  });

  // Some browsers allow only the older way to pages that were opened as files.
  async function copy(ticket) {
    try {
      await navigator.clipboard.writeText(ticket);
    } catch {
      const field = make("textarea", { "aria-label": "Ticket" });
      field.value = ticket;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  }

  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await copy(button.parentElement.querySelector("pre").textContent);
      button.textContent = "Copied";
      button.focus();
      setTimeout(() => { button.textContent = "Copy as a ticket"; }, 3000);
    });
  }

  table.setAttribute("role", "grid");
  table.tabIndex = -1;
  form.hidden = false;
  // It opens on what is not ok; "Show all" shows the rest.
  if (kinds.some((kind) => kind.verdict !== OK)) fields[2].value = "not ok";
  filter();
  if (location.hash) show(location.hash.slice(1), true);
  performance.mark("ready");
  // Half a million values are sorted before somebody asks for them.
  for (const name of Object.keys(MEASURES)) if (data.paths[name]) setTimeout(() => usual(name));
};

// The data of a large site are packed: by zlib, in Base64.
async function unpacked(text) {
  const packed = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
}

const embedded = document.getElementById("data");
if (embedded.dataset.packed === undefined) {
  start(JSON.parse(embedded.textContent));
} else if (typeof DecompressionStream === "undefined") {
  const said = document.createElement("p");
  said.className = "hint";
  said.textContent = "This browser cannot unpack the flows behind the cells, so there are no filters. Chrome 80, Firefox 113 and Safari 16.4 can.";
  document.getElementById("filters").before(said);
} else {
  unpacked(embedded.textContent).then(start);
}
