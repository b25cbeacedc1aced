import { Problem } from '../core/problem.js';

export class AlertNotFoundError extends Problem {
  constructor(id: string) {
    super(
      404,
      'ALERT_NOT_FOUND',
      `There is no alert ${id}. It may have been pruned; GET /api/v1/alerts lists the alerts`,
    );
  }
}

export class AlertClosedError extends Problem {
  constructor(id: string) {
    super(409, 'ALERT_CLOSED', `The alert ${id} is closed; only an open one can be acknowledged`);
  }
}

export class MuteInPastError extends Problem {
  constructor(until: string) {
    const message = `${until} has passed by the database's clock; give a time in the future`;
    super(422, 'MUTE_IN_PAST', message, [{ path: '/until', message }]);
  }
}
