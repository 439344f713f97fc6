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

/** A moment as a clock of a time zone shows it; with the year, if it is another one. */
export function clockOf(moment: string, zone: string): string {
  const year = moment.startsWith(String(new Date().getFullYear())) ? {} : { year: 'numeric' as const };
  const day = { ...year, weekday: 'short', day: 'numeric', month: 'short' } as const;
  const format = { ...day, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  try {
    return new Intl.DateTimeFormat(undefined, { ...format, timeZone: zone }).format(new Date(moment));
  } catch {
    // A zone that the browser does not know: what is written is on its clock.
    const face = new Date(`${moment.slice(0, 19)}Z`);
    return new Intl.DateTimeFormat(undefined, { ...format, timeZone: 'UTC' }).format(face);
  }
}
