// The treemap: areas are values. Squarified as Bruls, Huizing and van Wijk describe (2000).
const MAX_TILES = 300;

// Places rectangles of these sizes, the largest first, in an area; calls `place` with each one's index and box.
function squarify(sizes, area, place) {
    let { left, top, width, height } = area;
    let rest = sizes.reduce((sum, size) => sum + size, 0);
    let first = 0;
    while (first < sizes.length && rest > 0) {
        const isWide = width >= height, side = isWide ? height : width;
        const scale = width * height / rest;
        // As long as the worst shape of the row gets better.
        let end = first, sum = 0, worst = Infinity;
        while (end < sizes.length) {
            const next = sum + sizes[end] * scale;
            const ratio = Math.max(side * side * sizes[first] * scale / (next * next), next * next / (side * side * sizes[end] * scale));
            if (ratio > worst) break;
            [worst, sum, end] = [ratio, next, end + 1];
        }
        const depth = sum / side;
        let along = 0;
        for (let index = first; index < end; index++) {
            const length = sizes[index] * scale / depth;
            place(index, isWide
                ? { left, top: top + along, width: depth, height: length }
                : { left: left + along, top, width: length, height: depth });
            along += length;
            rest -= sizes[index];
        }
        if (isWide) [left, width] = [left + depth, width - depth];
        else [top, height] = [top + depth, height - depth];
        first = end;
    }
}

// A tile for each stack, or for each place of an allocation when files are wanted.
function tilesOf(indices) {
    const tiles = new Map();
    for (const index of indices) {
        const amount = shown(index)[state.value];
        if (amount <= 0) continue;
        const at = stacks[index].frames[0][1] || "(no file)";
        const key = state.by === "file" ? at : index;
        const tile = tiles.get(key) ?? { sum: 0, index, at, text: state.by === "file" ? at : `stack ${stacks[index].id}: ${site(index)}` };
        tile.sum += amount;
        tiles.set(key, tile);
    }
    const sorted = [...tiles.values()].sort((a, b) => b.sum - a.sum);
    if (sorted.length <= MAX_TILES) return sorted;
    const others = sorted.splice(MAX_TILES);
    const sum = others.reduce((sum, tile) => sum + tile.sum, 0);
    return [...sorted, { sum, index: -1, text: `${number(others.length)} others` }].sort((a, b) => b.sum - a.sum);
}

function showTree(indices) {
    const tree = $("tree"), tiles = tilesOf(indices), boxes = document.createDocumentFragment();
    const all = tiles.reduce((sum, tile) => sum + tile.sum, 0);
    const area = { left: 0, top: 0, width: 1000, height: 320 };
    squarify(tiles.map(tile => tile.sum), area, (rank, { left, top, width, height }) => {
        const { sum, text, index, at } = tiles[rank];
        const label = `${text}: ${number(sum)} ${VALUES[state.value]}, ${(100 * sum / all).toFixed(1)}%`;
        const box = make("button", width > 60 && height > 14 ? text : "", boxes);
        box.title = label;
        box.setAttribute("aria-label", label);
        box.tabIndex = rank ? -1 : 0;
        box.className = rank % 2 ? "cool" : "";
        box.style.cssText = `left:${left / 10}%;width:${width / 10}%;top:${top}px;height:${height}px`;
        if (index >= 0) box.onclick = () => {
            location.hash = state.by === "file" ? `search=${encodeURIComponent(at)}` : `stack=${stacks[index].id}`;
        };
    });
    tree.replaceChildren(boxes);
}

moveBetween($("tree"), (key, box) => ({
    ArrowRight: box.nextSibling, ArrowDown: box.nextSibling,
    ArrowLeft: box.previousSibling, ArrowUp: box.previousSibling,
    Home: $("tree").firstChild, End: $("tree").lastChild,
}[key]));
