import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { turnOfItsOwn } from '../core/slices.js';

const PREFIX = 'cronzimus_';

export interface Sample<L extends string = never> {
  labels?: Record<L, string>;
  value: number;
}

/** The metrics registry of one application. Applications in the same process, as in tests, do not share it. All names get the
 *  prefix `cronzimus_`. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** All metrics in the text format of Prometheus. Each is written in a turn of the event loop of its own. */
  async text(): Promise<string> {
    const texts = this.registry.getMetricsAsArray().map(async ({ name }) => {
      await turnOfItsOwn();
      return this.registry.getSingleMetricAsString(name);
    });
    return `${(await Promise.all(texts)).join('\n\n')}\n`;
  }

  counter<L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.registry] });
  }

  /** `buckets` are upper bounds in seconds. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: L[] = [],
  ): Histogram<L> {
    return new Histogram({ name: PREFIX + name, help, buckets, labelNames, registers: [this.registry] });
  }

  /** A gauge whose samples are read at each scrape. Label values without a sample are not reported. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labelNames: L[],
    read: () => Sample<L>[] | Promise<Sample<L>[]>,
  ): void {
    const gauge = new Gauge<L>({
      name: PREFIX + name,
      help,
      labelNames,
      registers: [],
      async collect() {
        const samples = await read();
        this.reset();
        // Without this, a gauge without labels would report 0 when there is no sample.
        if (labelNames.length === 0) this.remove();
        for (const { labels, value } of samples) this.set((labels ?? {}) as Record<L, string>, value);
      },
    });
    this.registry.registerMetric(gauge);
  }
}
