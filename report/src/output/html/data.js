// What the page is made of, and the small tools that all parts use. Names are always written as text, never as markup.
const $ = id => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const number = n => n.toLocaleString("en-US");
const counted = (n, noun) => `${number(n)} ${noun}${Math.abs(n) === 1 ? "" : "s"}`;
const seconds = us => (us / 1e6).toFixed(6) + " s";
const make = (tag, text, parent) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
};
const row = (table, cells, tag = "td") => {
    const line = make("tr", undefined, table);
    for (const cell of cells) {
        const made = make(tag, cell, line);
        if (tag === "th") made.scope = "col";
    }
    return line;
};
// A table without its rows.
const emptied = table => {
    while (table.lastChild && table.lastChild.tagName !== "CAPTION") table.lastChild.remove();
    return table;
};
const VALUES = ["live bytes", "live blocks", "total bytes", "total blocks"];
const state = {
    dump: data.dumps.length - 1, base: data.base === null ? -1 : data.base,
    value: 0, by: "function", order: 0, isDown: true, rows: 200, root: [],
};

// [number, places, frames] of each stack; frames innermost first: [function, place].
const NONE = [["(no call stack)", ""]];
const stacks = data.stacks.map(([id, places]) => {
    const frames = places.flatMap(place => data.places[place]);
    return { id, places, frames: frames.length ? frames : NONE };
});
const byNumber = new Map(stacks.map((stack, index) => [stack.id, index]));
const named = ([name, at]) => at ? `${name} at ${at}` : name;
const site = index => named(stacks[index].frames[0]);

// The values of each dump, by stack.
const columns = data.dumps.map(dump => {
    const all = stacks.map(() => [0, 0, 0, 0]);
    for (const [stack, ...values] of dump.values) all[stack] = values;
    return all;
});
// What is shown of a stack: its values, or what they grew by.
const shown = index => {
    const now = columns[state.dump][index];
    if (state.base < 0) return now;
    const before = columns[state.base][index];
    return now.map((value, column) => value - before[column]);
};

// Searches look at each place once, however many stacks have it.
const texts = data.places.map(frames => frames.flat().join("\n").toLowerCase());
const found = () => {
    const word = $("search").value.toLowerCase();
    const isWanted = texts.map(text => text.includes(word));
    const hasNothing = values => values.every(value => value === 0);
    return stacks.map((_, index) => index).filter(index => {
        const { places } = stacks[index];
        const isFound = !word || (places.length ? places.some(place => isWanted[place]) : NONE[0][0].includes(word));
        return isFound && !hasNothing(shown(index));
    });
};

// Where a frame is counted: its function, or its file.
const fileOf = at => at.replace(/:\d+$/, "") || "(no file)";
const groupOf = ([name, at]) => state.by === "file" ? fileOf(at) : name;

// Boxes of a graph are one stop of the Tab key; arrow keys go from one to the next.
function moveBetween(boxes, next) {
    boxes.addEventListener("keydown", event => {
        const target = next(event.key, document.activeElement);
        if (!target) return;
        event.preventDefault();
        for (const box of boxes.querySelectorAll("[tabindex='0']")) box.tabIndex = -1;
        target.tabIndex = 0;
        target.focus();
    });
}
