// Every piece of visible text whose contrast with what lies behind it is below WCAG's AA.
() => {
  const numbers = colour => colour.match(/[\d.]+/g).map(Number);
  const over = (front, back) => front.slice(0, 3).map((v, k) => v * front[3] + back[k] * (1 - front[3]));
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const whole = colour => { const n = numbers(colour); return n.length === 4 ? n : [...n, 1]; };
  const behind = node => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      layers.push(whole(getComputedStyle(at).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reverse().reduce((back, front) => over(front, back), [255, 255, 255]);
  };
  const found = new Set();
  for (const node of document.querySelectorAll("body *")) {
    if (node.closest("script, style, option") || !node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (![...node.childNodes].some(child => child.nodeType === 3 && child.data.trim())) continue;
    const style = getComputedStyle(node), drawn = node.namespaceURI.endsWith("svg");
    const back = behind(drawn ? node.closest("svg").parentElement : node);
    const front = over(whole(drawn ? style.fill : style.color), back), [a, b] = [light(front), light(back)].sort((p, q) => q - p);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.add(`${node.tagName}.${node.getAttribute("class") || ""} ${ratio.toFixed(2)}`);
  }
  return [...found];
}
