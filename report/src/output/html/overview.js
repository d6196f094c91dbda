// The balance of memory, and the totals of the dump.
const bar = (title, parts) => {
    const texts = parts.map(([name, amount]) => `${number(amount)} ${name}`);
    make("p", `${title}: ${texts.join(", ")}`, $("balance"));
    const all = parts.reduce((sum, [, amount]) => sum + Math.max(amount, 0), 0);
    const line = make("div", undefined, $("balance"));
    line.className = "bar";
    line.ariaHidden = true;
    for (const [rank, [, amount]] of parts.entries()) {
        const part = make("span", "", line);
        part.title = texts[rank];
        part.style.width = `${all ? 100 * Math.max(amount, 0) / all : 0}%`;
    }
};

function showOverview() {
    const dump = data.dumps[state.dump];
    document.title = data.program + ": memory";
    $("title").textContent = `${data.program} at ${seconds(dump.time_us)}, level ${dump.level}`;
    const wrong = dump.state === "whole" ? [] : [`The dump is ${dump.state}: only a part is shown.`];
    if (dump.during.some(count => count > 0)) {
        wrong.push(`While it was written there were ${counted(dump.during[0], "allocation")} and ${counted(dump.during[1], "free")}.`);
    }
    $("state").textContent = wrong.join(" ");
    const { blocks, recorded, bytes, taken, peak_blocks, peak_bytes } = dump.live;
    const { allocations, requested, frees, reallocations, failures, bad_frees, untracked } = dump.totals;
    $("balance").replaceChildren();
    bar(`${counted(taken, "byte")} taken from memory for live blocks`, [["asked for", bytes], ["overhead and not recorded", taken - bytes]]);
    const rest = allocations - frees - blocks;
    bar(`${counted(allocations, "allocation")}${rest ? `, ${number(rest)} more than are accounted for` : ""}`,
        [["live blocks", blocks], ["frees", frees]]);
    const overview = emptied($("overview"));
    for (const [name, amount] of Object.entries({
        "live bytes asked for": bytes, "taken from memory": taken, "live blocks": blocks, "of them recorded": recorded,
        "peak bytes": peak_bytes, "peak blocks": peak_blocks, allocations, "bytes in all": requested, frees, reallocations,
        failures, "refused frees": bad_frees, "not recorded": untracked,
    })) row(overview, [number(amount), name]);
    for (const [id, unit] of [["sizes", "bytes"], ["ages", "ms"]]) {
        const table = emptied($(id));
        row(table, ["from " + unit, "blocks", "bytes", ""], "th");
        const most = Math.max(1, ...dump[id].map(cells => cells[2]));
        for (const cells of dump[id]) {
            const line = row(table, [...cells.slice(0, 3).map(number), ""]);
            const life = make("span", "", line.lastChild);
            life.className = "life";
            life.style.width = `${100 * cells[2] / most}px`;
        }
    }
}

// When a stack grew first: its oldest block that is live and came after the base, or else the first dump with more.
function firstGrowth(index, oldest) {
    const start = data.dumps[state.base].time_us, before = columns[state.base][index][0];
    let first = Infinity;
    for (let dump = 0; dump <= state.dump; dump++) {
        const time = data.dumps[dump].time_us;
        if (time > start && columns[dump][index][0] > before) { first = time; break; }
    }
    return Math.min(first, oldest.get(index) ?? Infinity);
}

// The oldest live block of each stack that came after the base; known for the last dump alone.
function oldestBlocks() {
    const start = data.dumps[state.base].time_us, oldest = new Map();
    if (state.dump !== data.dumps.length - 1) return oldest;
    for (const [, , stack, from, to] of data.lives) {
        if (to === null && from > start && !(oldest.get(stack) <= from)) oldest.set(stack, from);
    }
    return oldest;
}

function showGrowth(indices) {
    $("growth-section").hidden = state.base < 0;
    if (state.base < 0) return;
    const grown = indices.filter(index => shown(index)[0] > 0);
    const told = index => `stack ${stacks[index].id}, by ${counted(shown(index)[0], "byte")} in ${counted(shown(index)[1], "block")}, ${site(index)}`;
    if (!grown.length) return void ($("first").textContent = "Nothing grew.");
    const most = grown.reduce((a, b) => shown(b)[0] > shown(a)[0] ? b : a);
    const oldest = oldestBlocks();
    const times = new Map(grown.map(index => [index, firstGrowth(index, oldest)]));
    const first = grown.reduce((a, b) => times.get(b) < times.get(a) ? b : a);
    const shrunk = indices.filter(index => shown(index)[0] < 0).length;
    $("first").textContent = `Most: ${told(most)}. First, at ${seconds(times.get(first))}: ${told(first)}. ` +
        `${counted(grown.length, "call stack")} grew, ${number(shrunk)} shrank.`;
}
