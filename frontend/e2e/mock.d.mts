// Types of the imitation of the API, for the tests that start it.
export interface Mock { port: number; world: { anomalies: { incident_id: string }[] }; close: () => void }
export function startMock(options?: { port?: number; setup?: boolean; pace?: number }): Promise<Mock>
