// The flame graph, with the outermost function on top.
function flameTree(indices) {
    const top = { name: "all", sum: 0, inner: new Map(), path: [] };
    for (const index of indices) {
        const amount = shown(index)[state.value];
        if (amount <= 0) continue;
        const groups = stacks[index].frames.map(groupOf).reverse();
        // A file is one box, however many of its functions call each other; the line of the allocation ends each stack.
        const names = groups.filter((name, depth) => state.by !== "file" || name !== groups[depth - 1]);
        if (stacks[index].frames[0][1]) names.push(stacks[index].frames[0][1]);
        if (state.root.some((name, depth) => names[depth] !== name)) continue;
        let node = top;
        node.sum += amount;
        for (const name of names) {
            let inner = node.inner.get(name);
            if (!inner) node.inner.set(name, inner = { name, sum: 0, inner: new Map(), outer: node });
            node = inner;
            node.sum += amount;
        }
    }
    return top;
}

const pathOf = node => node.outer ? [...pathOf(node.outer), node.name] : [];

function showFlame(indices) {
    const top = flameTree(indices);
    const flame = $("flame"), boxes = document.createDocumentFragment();
    let depths = 0;
    const show = (node, left, depth, outer) => {
        const width = top.sum ? 100 * node.sum / top.sum : 0;
        // Some three pixels: less can be neither read nor hit, and thousands of boxes make the page slow.
        if (width < 0.25) return;
        depths = Math.max(depths, depth + 1);
        const text = `${node.name}: ${number(node.sum)} ${VALUES[state.value]}, ${width.toFixed(1)}%`;
        const box = make("button", node.name, boxes);
        box.title = text;
        box.tabIndex = depth ? -1 : 0;
        box.setAttribute("aria-label", text);
        box.style.cssText = `left:${left}%;width:${width}%;top:${depth * 20}px;height:20px`;
        box.onclick = () => { state.root = pathOf(node); showAll(); $("flame").firstChild?.focus(); };
        Object.assign(box, { outer, inner: [] });
        if (outer) outer.inner.push(box);
        for (const inner of [...node.inner.values()].sort((a, b) => b.sum - a.sum)) {
            show(inner, left, depth + 1, box);
            left += 100 * inner.sum / top.sum;
        }
    };
    show(top, 0, 0, null);
    flame.replaceChildren(boxes);
    flame.style.height = `${depths * 20}px`;
}

moveBetween($("flame"), (key, box) => {
    const beside = step => box.outer?.inner[box.outer.inner.indexOf(box) + step];
    if (key === "Escape" && state.root.length) {
        state.root = [];
        showAll();
        return $("flame").firstChild;
    }
    return { ArrowUp: box.outer, ArrowDown: box.inner?.[0], ArrowLeft: beside(-1), ArrowRight: beside(1) }[key];
});
