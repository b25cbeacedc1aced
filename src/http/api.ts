/** The base of every controller's path: `` @Controller(`${API}/jobs`) ``. A global prefix would answer unknown paths past the filter. */
export const API = 'api/v1';
