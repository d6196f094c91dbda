// Live bytes over several dumps: all of them, and the call stacks that changed most.
const LINES = 5;
const COLOURS = ["#d9480f", "#1c7ed6", "#2b8a3e", "#9c36b5", "#e8a600", "#868e96"];

function showTimeline() {
    const dumps = data.dumps;
    $("timeline-section").hidden = dumps.length < 2;
    if (dumps.length < 2) return;
    const svg = $("timeline"), times = dumps.map(dump => dump.time_us);
    const change = index => Math.max(...columns.map(all => all[index][0])) - Math.min(...columns.map(all => all[index][0]));
    const changes = stacks.map((_, index) => [index, change(index)]).filter(([, amount]) => amount > 0);
    const chosen = changes.sort((a, b) => b[1] - a[1]).slice(0, LINES).map(([index]) => index);
    const lines = [["all", dumps.map(dump => dump.live.bytes), null],
        ...chosen.map(index => [`stack ${stacks[index].id}: ${site(index)}`, columns.map(all => all[index][0]), index])];
    const [start, end] = [Math.min(...times), Math.max(...times)];
    const most = Math.max(1, ...lines.flatMap(([, values]) => values));
    const x = time => 60 + 920 * (end > start ? (time - start) / (end - start) : 0);
    const y = value => 190 - 170 * value / most;
    const draw = (tag, attributes, text) => {
        const element = document.createElementNS(svg.namespaceURI, tag);
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
        if (text !== undefined) element.textContent = text;
        svg.append(element);
        return element;
    };
    svg.replaceChildren();
    draw("text", { x: 4, y: 24 }, number(most));
    draw("text", { x: 4, y: 194 }, "0");
    draw("text", { x: 60, y: 214 }, seconds(start));
    draw("text", { x: 980, y: 214, "text-anchor": "end" }, seconds(end));
    $("legend").replaceChildren();
    lines.forEach(([name, values, index], rank) => {
        const colour = COLOURS[rank];
        draw("path", { d: "M" + values.map((value, dump) => `${x(times[dump])},${y(value)}`).join("L"), stroke: colour });
        values.forEach((value, dump) => {
            const point = draw("circle", { cx: x(times[dump]), cy: y(value), r: dump === state.dump ? 6 : 3.5, fill: colour });
            point.onclick = () => choose("dump", dump);
        });
        const item = make("li", "", $("legend"));
        make("span", "■ ", item).style.color = colour;
        if (index === null) item.append(name);
        else make("a", name, item).href = `#stack=${stacks[index].id}`;
    });
    const points = emptied($("points"));
    row(points, ["time", ...lines.map(([name]) => name)], "th");
    dumps.forEach((dump, place) => {
        const line = row(points, ["", ...lines.map(([, values]) => number(values[place]))]);
        make("button", seconds(dump.time_us), line.firstChild).onclick = () => choose("dump", place);
    });
}
