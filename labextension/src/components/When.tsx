import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IPreview } from '../documents';
import { type IAnswer, NO_ANSWER, answerTo } from '../preview';
import { clockOf } from './format';
import { Choice, Row } from './parts';

const SETTLE_MS = 300;
const SHOWN = 3;

/** When a notebook is run again and again. */
export interface IWhen {
  readonly name: string;
  readonly cron: string;
  readonly timezone: string;
  readonly missed: string;
}

/** The fields of a schedule, with its next times while they are typed. */
export function When(props: {
  value: IWhen;
  onChange: (value: IWhen) => void;
  preview: (cron: string, timezone: string) => Promise<IPreview>;
  trans: TranslationBundle;
}): JSX.Element {
  const { value, trans } = props;
  const { preview, cronError, zoneError } = useAnswer(value.cron.trim(), value.timezone.trim(), props.preview);
  const examples = React.useId();
  const zones = React.useId();
  const set = (part: Partial<IWhen>): void => props.onChange({ ...value, ...part });
  return (
    <>
      <Row label={trans.__('Name')}>
        {id => <Text id={id} value={value.name} onChange={name => set({ name })} />}
      </Row>
      <Row label={trans.__('Cron')} error={cronError} hint={trans.__('minute hour day month weekday')}>
        {(id, described) => (
          <Text id={id} list={examples} value={value.cron} onChange={cron => set({ cron })} described={described} />
        )}
      </Row>
      <datalist id={examples}>
        <option value="0 * * * *">{trans.__('every hour')}</option>
        <option value="0 6 * * *">{trans.__('every day at 6:00')}</option>
        <option value="0 6 * * MON-FRI">{trans.__('on working days at 6:00')}</option>
        <option value="0 6 * * MON">{trans.__('on Mondays at 6:00')}</option>
        <option value="0 6 1 * *">{trans.__('on the first of each month at 6:00')}</option>
      </datalist>
      <Row label={trans.__('Time zone')} error={zoneError}>
        {(id, described) => (
          <Text
            id={id}
            list={zones}
            value={value.timezone}
            onChange={timezone => set({ timezone })}
            described={described}
          />
        )}
      </Row>
      <datalist id={zones}>
        {Intl.supportedValuesOf('timeZone').map(zone => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      <span aria-hidden="true">{preview ? trans.__('Next') : ''}</span>
      <div role="status" aria-label={trans.__('Next times')}>
        {preview ? <Times times={preview.next.slice(0, SHOWN)} zone={preview.timezone} /> : null}
      </div>
      <Row label={trans.__('Missed')} hint={trans.__('times at which no scheduler ran')}>
        {(id, described) => (
          <Choice
            id={id}
            described={described}
            value={value.missed}
            onChange={missed => set({ missed })}
            options={[
              { value: 'last', label: trans.__('run the last') },
              { value: 'skip', label: trans.__('skip') },
              { value: 'all', label: trans.__('run all') }
            ]}
          />
        )}
      </Row>
      {preview ? <Words words={preview.words} trans={trans} /> : null}
    </>
  );
}

/** Moments on the clock of a zone. */
export function Times(props: { times: readonly string[]; zone: string }): JSX.Element {
  return (
    <ol className="nbd-Times">
      {props.times.map(time => (
        <li key={time}>
          <time dateTime={time}>{clockOf(time, props.zone)}</time>
        </li>
      ))}
    </ol>
  );
}

function Text(props: {
  id: string;
  value: string;
  list?: string;
  described?: object;
  onChange: (value: string) => void;
}): JSX.Element {
  return (
    <input
      id={props.id}
      {...props.described}
      list={props.list}
      className="jp-mod-styled"
      value={props.value}
      required
      spellCheck={false}
      autoComplete="off"
      onChange={event => props.onChange(event.target.value)}
    />
  );
}

/** The words that parameters may hold, and what each becomes at the first time. */
function Words(props: { words: IPreview['words']; trans: TranslationBundle }): JSX.Element {
  return (
    <details className="nbd-Details">
      <summary>{props.trans.__('Words that become dates')}</summary>
      <dl className="nbd-Words">
        {Object.entries(props.words).map(([word, meaning]) => (
          <div key={word}>
            <dt>{`{{ ${word} }}`}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** Ask the server once nobody types; what was true of another line is not shown. */
function useAnswer(cron: string, zone: string, ask: (cron: string, zone: string) => Promise<IPreview>): IAnswer {
  const [answer, setAnswer] = React.useState<IAnswer>(NO_ANSWER);
  const asking = React.useRef(ask);
  asking.current = ask;
  React.useEffect(() => {
    if (!cron) {
      setAnswer(NO_ANSWER);
      return undefined;
    }
    let over = false;
    const timer = setTimeout(() => {
      void answerTo(cron, zone, asking.current).then(answer => over || setAnswer(answer));
    }, SETTLE_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [cron, zone]);
  return answer;
}
