import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IShownLog } from '../log';
import type { ILoaded } from '../resource';
import { Failure } from './parts';

const NEAR = 8;

/** What a run prints; it stays at the end, unless somebody has scrolled up to read. */
export function Log(props: { label: string; log: ILoaded<IShownLog>; trans: TranslationBundle }): JSX.Element {
  const { trans } = props;
  const { value, error } = props.log;
  const box = React.useRef<HTMLPreElement>(null);
  const atEnd = React.useRef(true);
  React.useLayoutEffect(() => {
    if (box.current && atEnd.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [value.text]);
  return (
    <>
      <Failure message={error} />
      {value.cut ? (
        <p className="nbd-Empty">
          {trans.__('The beginning is left out; all of it:')} <code>{`nbdeploy logs ${value.run}`}</code>
        </p>
      ) : null}
      <pre
        ref={box}
        className="nbd-Log"
        role="log"
        tabIndex={0}
        aria-label={props.label}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR;
        }}
      >
        {value.text || (value.known ? nothing(value, trans) : '…')}
      </pre>
    </>
  );
}

function nothing(log: IShownLog, trans: TranslationBundle): string {
  return log.final ? trans.__('Nothing was printed.') : trans.__('Nothing is printed yet.');
}
