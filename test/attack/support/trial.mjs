import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from './numbers.mjs';
import { startObserver } from './observer.mjs';
import { createOneSecondJobs, idleLateness, latenessBetween } from './one-second-jobs.mjs';
import { startService } from './service.mjs';

/** What an attack may cost. */
const MAX_STALL_MS = 1_000;
const MAX_GAP_MS = 5_000;
/** The memory limit of a pod of the chart. */
const MAX_RESIDENT_MB = 512;
const MAX_LATENESS_MS = 1_000;
/** For `onTime` attacks: this, and three times the lateness of the idle service. */
const MAX_LATENESS_ON_TIME_MS = 250;

const IDLE_SECONDS = 3;
/** The shortest time over which the lateness is measured. */
const MIN_SECONDS = 2;

/**
 * Makes attacks, one after another. A service is used again after an attack that it has withstood. Otherwise the next attack gets a
 * new one.
 *
 * An attack has
 * - `id`, and `sent`: what is sent, as a phrase
 * - `service`: options of `startService`. `prefix` is here a function of a temporary folder.
 * - `onTime: true`: the lateness of jobs may not exceed 250 ms or three times that of the idle service
 * - `unavailable()`: why this machine cannot make the attack, or undefined
 * - `prepare(service)`, which is not measured
 * - `run(service, { targetUrl })`, which returns { answers, facts, faults }: what came back, what else is known, and what was wrong
 */
export class Trials {
  current;

  constructor(postgres, targetUrl) {
    this.postgres = postgres;
    this.targetUrl = targetUrl;
  }

  /** Returns the measured values and `faults`, which is empty when the service has withstood the attack. */
  async make(attack) {
    const why = attack.unavailable?.();
    if (why !== undefined) return { attack, notChecked: why, faults: [] };
    const { service, idleMs, isNew } = await this.serviceFor(attack);
    await attack.prepare?.(service);
    const observer = await startObserver(service);
    const from = new Date();
    const {
      answers,
      facts = [],
      faults = [],
    } = await attack
      .run(service, { targetUrl: this.targetUrl })
      .catch((error) => ({ answers: 'none', faults: [error.message] }));
    const seconds = (Date.now() - from) / 1000;
    await Promise.race([delay(Math.max(1, (MIN_SECONDS - seconds) * 1000)), service.ended]);
    const to = new Date();
    const lateness = await latenessBetween(service, from, to);
    const { stallMs, gapMs, residentMb } = await observer.stop();
    const measured = { seconds, stallMs, gapMs, residentMb, idleMs, latenessMs: quantile(lateness, 0.99) };
    const death = service.death === undefined ? [] : [service.death];
    const result = {
      attack,
      isNew,
      answers,
      facts,
      measured,
      faults: [...death, ...faults, ...overLimit(attack, measured)],
    };
    if (result.faults.length > 0) await this.stop();
    return result;
  }

  /** Stops the service. */
  async stop() {
    await this.current?.service.stop();
    this.current = undefined;
  }

  async serviceFor({ service: options = {} }) {
    const wanted = JSON.stringify([options.settings, options.prefix !== undefined]);
    if (this.current?.wanted === wanted && this.current.service.death === undefined)
      return { ...this.current, isNew: false };
    await this.stop();
    const service = await startService(this.postgres, { ...options, prefix: options.prefix?.(this.postgres.folder) });
    this.current = { service, wanted };
    await createOneSecondJobs(service, this.targetUrl);
    this.current.idleMs = await idleLateness(service, IDLE_SECONDS);
    return { ...this.current, isNew: true };
  }
}

function overLimit({ onTime }, { stallMs, gapMs, residentMb, idleMs, latenessMs }) {
  const maxLatenessMs = onTime ? Math.min(MAX_LATENESS_ON_TIME_MS, 3 * idleMs) : MAX_LATENESS_MS;
  return [
    residentMb.peak > MAX_RESIDENT_MB && `resident memory over ${MAX_RESIDENT_MB} MB`,
    stallMs > MAX_STALL_MS && `a stall over ${MAX_STALL_MS} ms`,
    gapMs > MAX_GAP_MS && `nobody else was served for over ${MAX_GAP_MS / 1000} s`,
    latenessMs > maxLatenessMs && `jobs were late by over ${Math.round(maxLatenessMs)} ms`,
  ].filter(Boolean);
}
