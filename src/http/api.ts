/** The base path of the API's controllers: `` @Controller(`${API}/jobs`) ``. It is not a global prefix of Nest, because Nest would
 *  then answer unknown paths without calling the problem filter. */
export const API = 'api/v1';
