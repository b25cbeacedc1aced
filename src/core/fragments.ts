const FACTOR = 0x01_00_01_93;
/** Spreads hashes over the table: 2^32 divided by the golden ratio. */
const SPREAD = 0x9e_37_79_b1;

/** Part of a text, in UTF-16 units. */
export interface Span {
  start: number;
  end: number;
}

/** Finds every substring of `width` units that also occurs in one of the given texts. A rolling hash finds candidates, which are
 *  then compared, so the time depends only on the length of the text. An automaton for whole words, such as Aho-Corasick, would not
 *  find a word that is cut off, and needs a node for each unit. */
export class Fragments {
  /** All given texts, one after another. */
  private readonly units: Uint16Array;
  /** An open hash table of positions in `units`, each plus one. 0: empty. */
  private readonly table: Int32Array;
  private readonly shift: number;
  /** FACTOR to the power of `width`. */
  private readonly oldest: number;

  constructor(
    private readonly width: number,
    texts: readonly string[],
  ) {
    const length = texts.reduce((sum, text) => sum + text.length, 0);
    const bits = Math.max(4, Math.ceil(Math.log2(length * 2)));
    this.units = new Uint16Array(length);
    this.table = new Int32Array(2 ** bits);
    this.shift = 32 - bits;
    this.oldest = Array.from({ length: width }).reduce<number>((power) => Math.imul(power, FACTOR), 1);
    let at = 0;
    for (const text of texts) {
      for (let index = 0; index < text.length; index += 1) this.units[at + index] = text.charCodeAt(index);
      this.add(at, at + text.length);
      at += text.length;
    }
  }

  /** In order. Spans that overlap are one, spans that only touch are two. */
  spansIn(text: string): Span[] {
    const spans: Span[] = [];
    let hash = 0;
    for (let end = 1; end <= text.length; end += 1) {
      const start = end - this.width;
      hash = (Math.imul(hash, FACTOR) + text.charCodeAt(end - 1)) | 0;
      if (start > 0) hash = (hash - Math.imul(text.charCodeAt(start - 1), this.oldest)) | 0;
      if (start < 0 || !this.has(hash, text, start)) continue;
      const last = spans.at(-1);
      if (last && start < last.end) last.end = end;
      else spans.push({ start, end });
    }
    return spans;
  }

  private add(from: number, to: number): void {
    let hash = 0;
    for (let end = from + 1; end <= to; end += 1) {
      const start = end - this.width;
      hash = (Math.imul(hash, FACTOR) + this.units[end - 1]!) | 0;
      if (start > from) hash = (hash - Math.imul(this.units[start - 1]!, this.oldest)) | 0;
      if (start < from) continue;
      let slot = this.slotOf(hash);
      while (this.table[slot] !== 0 && !this.isSame(this.table[slot]! - 1, start)) slot = this.after(slot);
      this.table[slot] ||= start + 1;
    }
  }

  private has(hash: number, text: string, start: number): boolean {
    let slot = this.slotOf(hash);
    while (this.table[slot] !== 0 && !this.isAt(this.table[slot]! - 1, text, start)) slot = this.after(slot);
    return this.table[slot] !== 0;
  }

  private slotOf(hash: number): number {
    return Math.imul(hash, SPREAD) >>> this.shift;
  }

  private after(slot: number): number {
    return (slot + 1) & (this.table.length - 1);
  }

  private isSame(known: number, start: number): boolean {
    for (let unit = 0; unit < this.width; unit += 1)
      if (this.units[known + unit] !== this.units[start + unit]) return false;
    return true;
  }

  private isAt(known: number, text: string, start: number): boolean {
    for (let unit = 0; unit < this.width; unit += 1)
      if (this.units[known + unit] !== text.charCodeAt(start + unit)) return false;
    return true;
  }
}
