import { Heartbeats } from './heartbeats.js';

const at = (second: number) => new Date(second * 1_000);
const beat = (beats: number, second: number) => ({ beats, seenAt: at(second), before: at(second - 2) });

/** Heartbeats of which ten are confirmed, every 2 s from 2 s on. */
function givenTen(): Heartbeats {
  const heartbeats = new Heartbeats();
  heartbeats.begin(at(0));
  for (let count = 1; count <= 10; count += 1) heartbeats.confirm(heartbeats.send(), beat(count, 2 * count));
  return heartbeats;
}

describe('a database has lost committed heartbeats', () => {
  it('if the count falls behind one that was confirmed: between the one that is left and now', () => {
    const heartbeats = givenTen();
    const found = heartbeats.confirm(heartbeats.send(), { beats: 8, seenAt: at(40), before: at(14) });
    expect(found).toEqual({ lostBeat: at(20), from: at(14), until: at(40) });
  });

  it('if the count is that of one that was confirmed', () => {
    const heartbeats = givenTen();
    expect(heartbeats.confirm(heartbeats.send(), beat(10, 40))).not.toBeNull();
  });

  it('once: further heartbeats, also those sent before, say nothing', () => {
    const heartbeats = givenTen();
    const [early, first] = [heartbeats.send(), heartbeats.send()];
    expect(heartbeats.confirm(first, beat(8, 40))).not.toBeNull();
    expect(heartbeats.confirm(early, beat(9, 41))).toBeNull();
    expect(heartbeats.confirm(heartbeats.send(), beat(10, 42))).toBeNull();
  });

  it('from an unknown time, if the one that is left was written after the loss and its response got lost', () => {
    const heartbeats = givenTen();
    expect(heartbeats.confirm(heartbeats.send(), beat(10, 40))).toMatchObject({ from: null });
  });
});

describe('a database has lost nothing', () => {
  it.each([
    ['the next heartbeat', beat(11, 22)],
    ['one after heartbeats whose responses were lost', beat(14, 30)],
    ['one after the clock of the database was set back', beat(11, -3_600)],
  ])('at %s', (_what, received) => {
    const heartbeats = givenTen();
    expect(heartbeats.confirm(heartbeats.send(), received)).toBeNull();
  });

  it('when two heartbeats are on their way and their responses arrive in the other order', () => {
    const heartbeats = givenTen();
    const [first, second] = [heartbeats.send(), heartbeats.send()];
    expect(heartbeats.confirm(second, beat(12, 23))).toBeNull();
    expect(heartbeats.confirm(first, beat(11, 22))).toBeNull();
    expect(heartbeats.confirm(heartbeats.send(), beat(13, 24))).toBeNull();
  });

  it('when the row is a new one, also for a heartbeat that was sent before', () => {
    const heartbeats = givenTen();
    const sent = heartbeats.send();
    heartbeats.begin(at(30));
    expect(heartbeats.confirm(sent, beat(1, 31))).toBeNull();
    expect(heartbeats.confirm(heartbeats.send(), beat(2, 32))).toBeNull();
  });
});
