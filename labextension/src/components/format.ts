import { Time } from '@jupyterlab/coreutils';

/** A number as short as it can be read. */
export function numberOf(value: unknown): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(3))) : '–';
}

/** How long ago a moment was, in a word or two; empty for none. */
export function timeOf(moment: string | null): string {
  const time = moment ? Date.parse(moment) : NaN;
  return Number.isNaN(time) ? '' : Time.formatHuman(new Date(time), 'narrow');
}

/** A duration, to be read at a glance. */
export function durationOf(seconds: number): string {
  if (seconds < 60) {
    return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
