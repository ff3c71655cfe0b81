// What a browser sees of a report: boxes that do not hold their content, text of pictures that is cut off,
// lies on other text or is hard to read.

/** Runs in the page; returns a list of faults, each a text. */
export function measure() {
    const faults = [];
    const excerpt = (element) => (element.textContent ?? '').trim().slice(0, 60);

    for (const box of document.querySelectorAll('.sheet, .card, .wide > *, .two > *, .halves > *, td, dd, h1, h2, h3, p')) {
        if (!box.matches('.hidden') && box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).display !== 'inline') {
            faults.push(`${box.tagName}.${box.className} is ${box.scrollWidth - box.clientWidth} px too narrow: ${excerpt(box)}`);
        }
    }
    for (const box of document.querySelectorAll('.sheet, .card')) {
        const room = box.getBoundingClientRect();
        const foot = box.querySelector(':scope > .foot')?.getBoundingClientRect();
        const end = foot ? foot.top : room.bottom;

        for (const child of box.querySelectorAll('*')) {
            if (child.closest('.foot') || child.closest('svg') !== null && child.tagName !== 'svg') continue;
            const its = child.getBoundingClientRect();
            if (its.height > 0 && its.bottom > end + 1) {
                faults.push(`${box.className}: ${child.tagName} ends ${Math.round(its.bottom - end)} px too low: ${excerpt(child)}`);
                break;
            }
        }
    }

    const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const luminance = ([red, green, blue]) => 0.2126 * channel(red / 255) + 0.7152 * channel(green / 255) + 0.0722 * channel(blue / 255);
    const parts = (color) => (/rgba?\(([^)]+)\)/.exec(color)?.[1] ?? '255,255,255,0').split(',').map(Number);
    const over = (front, alpha, back) => front.map((value, i) => value * alpha + back[i] * (1 - alpha));
    const opacity = (element, style, which) => Number(style[which] ?? 1) * Number(style.opacity ?? 1);

    /** The colour under a point of a picture: the shapes that were drawn before, one over the other. */
    function groundAt(svg, text, x, y) {
        let ground = [255, 255, 255];
        for (const shape of svg.querySelectorAll('path, rect, polygon, circle, text')) {
            if (shape === text) break;
            const style = getComputedStyle(shape);
            const [red, green, blue, alpha = 1] = parts(style.fill);
            const box = shape.getBoundingClientRect();
            const isInside = shape.tagName !== 'text' && box.width > 0 && x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
            if (!isInside || style.fill === 'none') continue;
            const point = svg.createSVGPoint();
            point.x = x;
            point.y = y;
            const own = point.matrixTransform(shape.getScreenCTM().inverse());
            if (shape.isPointInFill?.(own)) ground = over([red, green, blue], alpha * opacity(shape, style, 'fillOpacity'), ground);
        }
        return ground;
    }

    for (const svg of document.querySelectorAll('svg')) {
        const room = svg.getBoundingClientRect();
        const texts = [...svg.querySelectorAll('text')].filter((text) => text.textContent.trim() !== '');
        const boxes = texts.map((text) => text.getBoundingClientRect());

        texts.forEach((text, i) => {
            const its = boxes[i];
            const out = Math.max(room.left - its.left, its.right - room.right, room.top - its.top - 2, its.bottom - room.bottom - 2);
            if (out > 1) faults.push(`text of a picture is cut by ${Math.round(out)} px: ${excerpt(text)}`);
            const style = getComputedStyle(text);
            const ground = groundAt(svg, text, (its.left + its.right) / 2, (its.top + its.bottom) / 2);
            const [red, green, blue, alpha = 1] = parts(style.fill);
            const ink = over([red, green, blue], alpha * opacity(text, style, 'fillOpacity'), ground);
            const [low, high] = [luminance(ink), luminance(ground)].sort((a, b) => a - b);
            const contrast = (high + 0.05) / (low + 0.05);
            if (contrast < 4.5) faults.push(`text of a picture has a contrast of ${contrast.toFixed(2)}: ${excerpt(text)}`);
            // boxes of slanted text are wider than the text
            const isSlanted = Math.abs(text.getScreenCTM().b) > 0.01;
            for (let j = 0; j < i && !isSlanted; j += 1) {
                const other = boxes[j];
                const wide = Math.min(its.right, other.right) - Math.max(its.left, other.left);
                const high2 = Math.min(its.bottom, other.bottom) - Math.max(its.top, other.top);
                if (wide > 2 && high2 > 3.5) faults.push(`texts of a picture lie on each other: ${excerpt(texts[j])} | ${excerpt(text)}`);
            }
        });
    }
    return faults;
}
