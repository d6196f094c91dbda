// The table of call stacks, and one call stack with all that is known of it.
const MAX_LIVES = 200;

function showTable(indices) {
    const table = emptied($("table")), head = make("tr", undefined, table), hasBase = state.base >= 0;
    const signed = n => hasBase && n > 0 ? "+" + number(n) : number(n);
    ["stack", ...VALUES, "site"].forEach((name, column) => {
        const cell = make("th", undefined, head);
        cell.scope = "col";
        const order = column - 1;
        if (name === "stack" || name === "site") return void (cell.textContent = name);
        const isOrder = order === state.order;
        cell.setAttribute("aria-sort", isOrder ? (state.isDown ? "descending" : "ascending") : "none");
        make("button", name + (isOrder ? (state.isDown ? " ▼" : " ▲") : ""), cell).onclick = () => {
            state.isDown = isOrder ? !state.isDown : true;
            state.order = order;
            showAll();
            table.querySelectorAll("th button")[order].focus();
        };
    });
    const sign = state.isDown ? -1 : 1;
    const sorted = indices.map(index => [index, shown(index)]).sort(([, a], [, b]) => sign * (a[state.order] - b[state.order]));
    for (const [index, values] of sorted.slice(0, state.rows)) {
        const line = row(table, ["", ...values.map(signed), site(index)]);
        make("a", stacks[index].id, line.firstChild).href = `#stack=${stacks[index].id}`;
        if (hasBase) line.children[1].className = values[0] > 0 ? "grew" : values[0] < 0 ? "shrank" : "";
    }
    $("more").hidden = sorted.length <= state.rows;
}

function showStack() {
    const wanted = /^#stack=(\d+)$/.exec(location.hash), section = $("stack");
    const index = wanted && byNumber.get(Number(wanted[1]));
    section.replaceChildren();
    section.hidden = !wanted;
    if (!wanted) return;
    const title = make("h2", index === undefined ? `there is no stack ${wanted[1]}` : `Stack ${wanted[1]}`, section);
    title.tabIndex = -1;
    if (index !== undefined) {
        const values = columns[state.dump][index];
        make("p", VALUES.map((name, column) => `${number(values[column])} ${name}`).join(", "), section);
        const list = make("ol", undefined, section);
        for (const frame of stacks[index].frames) {
            const item = make("li", "", list);
            item.append(frame[0]);
            if (!frame[1]) continue;
            item.append(" at ");
            make("a", frame[1], item).href = `#search=${encodeURIComponent(frame[1])}`;
        }
        showLives(index, section);
    }
    title.focus({ preventScroll: true });
    section.scrollIntoView({ block: "nearest" });
}

// Blocks of a stack, from their allocation to their free.
function showLives(index, section) {
    const lives = data.lives.filter(life => life[2] === index);
    if (!lives.length) return;
    const end = data.dumps[data.dumps.length - 1].time_us;
    const start = Math.min(...lives.map(life => life[3])), scale = 100 / Math.max(1, end - start);
    const table = make("table", undefined, section);
    make("caption", `Lives of ${counted(lives.length, "block")}, from ${seconds(start)} to ${seconds(end)}`, table);
    row(table, ["address", "bytes", "allocated", "freed", "lived ms", ""], "th");
    for (const [address, bytes, , from, to] of lives.slice(0, MAX_LIVES)) {
        const until = to ?? end;
        const line = row(table, [address, number(bytes), seconds(from), to === null ? "live" : seconds(to), ((until - from) / 1000).toFixed(3), ""]);
        line.lastChild.className = "lane";
        const life = make("span", "", line.lastChild);
        life.className = "life";
        life.style.marginLeft = `${(from - start) * scale}%`;
        life.style.width = `${(until - from) * scale}%`;
    }
    const hidden = lives.length - MAX_LIVES;
    if (hidden > 0) make("p", `${number(hidden)} more`, section);
    if (data.lives_left_out) make("p", `not in this page: ${counted(data.lives_left_out, "block")} of the dump`, section);
}
