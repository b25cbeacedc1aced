// Sets this process's clock off by CLOCK_OFF_MS, for all that is loaded after it.
const off = Number(process.env.CLOCK_OFF_MS ?? 0);
if (off !== 0) {
  const RealDate = Date;
  globalThis.Date = class Date extends RealDate {
    constructor(...given) {
      if (given.length === 0) super(RealDate.now() + off);
      else super(...given);
    }
    static now() {
      return RealDate.now() + off;
    }
  };
}
