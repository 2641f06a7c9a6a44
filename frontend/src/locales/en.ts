// English texts; the shape of every other language.
export const en = {
  app: { name: 'aiops', tagline: 'Healed is a measured verdict.', skip: 'Skip to content' },
  nav: {
    dashboard: 'Dashboard', incidents: 'Incidents', runs: 'Test runs', scripts: 'Test scripts', cases: 'Test cases', managers: 'Runtime managers',
    policies: 'Policies', monitors: 'Monitors', sources: 'Sources', channels: 'Channels', audit: 'Audit', users: 'Users',
    operate: 'Operate', automate: 'Automate', observe: 'Observe', administer: 'Administer', main: 'Main navigation', narrow: 'Collapse the menu', wide: 'Expand the menu',
    queue: 'Queue', alerts: 'Alerts', anomalies: 'Anomalies', logs: 'Logs', topology: 'Topology',
  },
  top: {
    language: 'Language', theme: 'Colour scheme', system: 'System', light: 'Light', dark: 'Dark', help: 'Keyboard help', logout: 'Log out',
    live: 'Live', connecting: 'Connecting', waiting: 'Reconnecting', offline: 'Not live',
    liveHint: 'Changes appear without reloading.', offlineHint: 'The live connection is down; it is tried again by itself. What you see may be old.',
  },
  help: {
    title: 'Keyboard', search: 'Focus the search field', go: 'Go to', help: 'This help', close: 'Close a dialog', then: 'then', move: 'Move through fields and buttons', row: 'Open the focused row',
  },
  common: {
    save: 'Save', create: 'Create', cancel: 'Cancel', close: 'Close', retry: 'Try again', back: 'Back', more: 'Load more', search: 'Search', all: 'All', none: 'None', yes: 'Yes', no: 'No',
    name: 'Name', tags: 'Tags', description: 'Description', state: 'State', created: 'Created', updated: 'Changed', actions: 'Actions', enabled: 'Enabled', disabled: 'Disabled',
    archive: 'Archive', archived: 'Archived', showArchived: 'Show archived', new: 'New', edit: 'Edit', open: 'Open', add: 'Add', remove: 'Remove', copy: 'Copy', copied: 'Copied', seconds: 's',
    addTag: 'Add a tag', tagHint: 'Enter or comma adds a tag', tagBad: 'A tag has 1 to 64 characters; at most 32 tags', clear: 'Clear filters', optional: 'optional', required: 'required',
    loading: 'Loading', now: 'just now', version: 'Version {n}', saved: 'Saved', unsaved: 'Unsaved changes', leave: 'Leave without saving your changes?', leaveYes: 'Leave', stay: 'Stay',
    archiveAsk: 'Archive “{name}”? It stays readable and starts nothing any more.', value: 'Value', key: 'Name', unknown: 'unknown', details: 'Details', trace: 'Trace id', by: 'by {who}', duplicate: 'Duplicate',
  },
  empty: {
    filtered: 'Nothing matches these filters.', incidents: 'No incidents. Everything that is watched looks normal.', runs: 'No runs yet. Run a test case, or let a policy start one.',
    scripts: 'No scripts yet. A script is reusable: cases give it values.', cases: 'No cases yet. A case is what runs: a script with values, or a body of its own.',
    managers: 'No runtime managers. Without one nothing can run.', policies: 'No policies. Without one, incidents are shown but nothing is started.',
    monitors: 'No monitors yet. A monitor is a query on a source.', sources: 'No sources yet. Add a Prometheus or an Elasticsearch.', channels: 'No channels. Nobody is notified.',
    audit: 'Nothing was recorded yet.', users: 'No users.', events: 'Nothing happened yet.', anomalies: 'No anomalies are linked to this incident.', decisions: 'No policy was evaluated yet.',
    verifications: 'Nothing was measured yet: verification starts after a run.', notifications: 'No notification was written.', log: 'No output yet.', incidentRuns: 'No run was started for this incident.',
  },
  error: {
    network: 'The server does not answer', networkDo: 'Check that aiops is running and that this machine can reach it, then try again.',
    unauthenticated: 'Your session is over', unauthenticatedDo: 'Log in again.', forbidden: 'Your role does not allow this', forbiddenDo: 'Ask an administrator for the role that does.',
    not_found: 'This does not exist', not_foundDo: 'It may never have existed, or the address is mistyped. Go back to the list.', conflict: 'Somebody else changed this meanwhile', conflictDo: 'Reload to see their change, or overwrite it with yours.',
    invalid: 'Something is not right yet', invalidDo: 'Correct the marked fields.', too_many: 'Too many requests', too_manyDo: 'Wait a minute, then try again.',
    timeout: 'The other side did not answer in time', timeoutDo: 'Try again; if it happens often, look at the health of the sources.', unavailable: 'A needed service cannot be reached', unavailableDo: 'Try again in a moment; the health page of the server says what is missing.',
    internal: 'The server failed', internalDo: 'Try again. If it stays, give the trace id to whoever runs aiops.', page: 'There is no page at this address', home: 'To the dashboard',
  },
  conflict: {
    title: 'Changed by somebody else', text: '“{name}” was changed while you were editing it (version {theirs}, yours began at {mine}).', reload: 'Reload theirs', overwrite: 'Overwrite with mine', later: 'Keep editing',
  },
  login: {
    title: 'Log in', username: 'User name', password: 'Password', submit: 'Log in', wrong: 'User name or password is wrong.', expired: 'Your session ended. Log in again.',
    points: { one: 'Detects by itself what is not normal in metrics and logs.', two: 'Runs the fix that your policy allows, behind gates that hold.', three: 'Measures whether it is over — and says so, or calls you.' },
  },
  setup: {
    title: 'First start', intro: 'Create the administrator. The one-time token was printed by the server when it started.', token: 'Set-up token', repeat: 'Repeat the password', submit: 'Create and log in',
    mismatch: 'The passwords differ', short: 'Use at least {n} characters', tokenNeeded: 'Paste the token from the server’s output',
  },
  dashboard: {
    active: 'Active incidents', activeNone: 'Nothing is wrong right now', detect: 'Time to detect', resolve: 'Time to resolve', median: 'median, 24 h', last24: 'last 24 hours', verdicts: 'Verdicts', verdictsNone: 'No run was verified in 24 hours.',
    sources: 'Sources', monitors: 'Monitors', events: 'Latest events', eventsNone: 'Waiting for events. They appear here as they happen.', allIncidents: 'All incidents', healthy: 'Healed and verified', opened: 'incidents', noSources: 'No source is configured.',
    needsYou: '{n} needs a person | {n} need a person', healed: '{n} of {of} fixed',
  },
  incident: {
    list: 'Incidents', search: 'Search title or entity', severity: 'Severity', minSeverity: 'At least', active: 'Active', any: 'Any state', entity: 'Entity', cause: 'Probable cause', started: 'Started', detected: 'Detected', duration: 'Duration', resolved: 'Resolved', attempts: 'Attempts', reopened: 'came back {n}×',
    title: 'Incident', causes: 'Probable cause', undetermined: 'Undetermined so far', others: 'Also affected', evidence: 'Evidence', fingerprint: 'Fingerprint', ackBy: 'Taken by {who}', trace: 'Trace',
    loop: 'Healing loop', detectedStep: 'Detected', explainedStep: 'Explained', decidedStep: 'Decided', actedStep: 'Acted', verifiedStep: 'Verified', pending: 'not yet', working: 'under way', asks: 'waits for a person', waits: 'waits for a gate', refused: 'refused', afterStart: '+{t}',
    timeline: 'Timeline', anomalies: 'Anomalies', decisions: 'Why did it (not) act?', runs: 'Runs', verification: 'Verification', notifications: 'Notifications', signals: 'Signals', response: 'Response',
    acknowledge: 'Acknowledge', comment: 'Comment', escalate: 'Escalate', resolve: 'Resolve', start: 'Start this step', commentPlaceholder: 'What do you know? Ctrl+Enter sends.', send: 'Send', reason: 'Reason (goes to the timeline)',
    escalateAsk: 'Hand this incident to a person? Nothing is started automatically any more.', resolveAsk: 'Close this incident by hand? It is not a measured verdict.', startAsk: 'Start step {n} of “{policy}” now?', started1: 'The step was queued', done: 'Done', newer: 'The incident had changed; it was read again. Try once more.',
    observed: 'observed', expected: 'expected', band: 'expected band', score: 'score', logSamples: 'Log lines (masked)', samplesMore: 'Show all {n}', chartNone: 'No points are stored for this series.', showChart: 'Show chart', episode: 'Episode', ongoing: 'ongoing', noChart: 'Log anomalies have no series; their lines are the evidence.',
    markStart: 'anomaly', markRun: 'run', markRunEnd: 'run end', markVerdict: 'verdict', markDetected: 'detected',
    gate: 'Gate', passed: 'passed', held: 'held', inputs: 'What it looked at', step: 'Step {n}', retryAt: 'asked again {t}', noPolicy: 'No policy', run: 'Run', allGates: '{n} gates passed', someGates: '{held} of {n} gates held it back',
    baseline: 'Before the run', round: 'Sample {n}', check: 'Condition', healthyRange: 'Healthy', outside: 'outside', inside: 'healthy', noData: 'no data', nextSample: 'next sample {t}', soakUntil: 'soak: a relapse until {t} reopens', settle: 'settling {t} after the run', newest: 'Newest first', oldest: 'Oldest first', actorUser: 'by {who}',
    channel: 'Channel', topic: 'Topic', tries: 'Tries', next: 'Next try', nActive: '{n} active',
  },
  run: {
    list: 'Test runs', title: 'Run', case: 'Case', purpose: 'Purpose', target: 'Target', runtime: 'Runtime', started: 'Started', duration: 'Duration', exit: 'Exit', requestedBy: 'Asked by', queued: 'Queued', ended: 'Ended', anyCase: 'Any case', states: 'States', anyState: 'Any state',
    cancel: 'Cancel run', cancelAsk: 'Stop this run? The whole process tree is ended: first asked, then killed.', cancelAsked: 'The run is being stopped', reason: 'Reason', env: 'Environment', envNone: 'No values were given.', script: 'Script as it ran', expectations: 'Expectations', expExit: 'exit code {n}', expOutput: 'output contains', expDuration: 'at most {t}',
    mode: 'Mode', timeout: 'Time limit', manager: 'Runtime manager', managerReason: 'Why there', epoch: 'Lease', key: 'Run key', incident: 'For incident', step: 'policy step {n}', facts: 'Facts', log: 'Log', follow: 'Follow', download: 'Download', searchLog: 'Search the log', hits: '{at} of {n}', noHits: 'no hits', prev: 'Previous hit', nextHit: 'Next hit', lines: '{n} lines', streams: 'Streams', time: 'Times', truncated: 'Older lines were dropped from view; download the log for all of them.', again: 'Run again', hash: 'SHA-256', image: 'Image', wrapUp: 'Ended',
    search: 'Search case, target, person, reason', anyPurpose: 'Any purpose', anyManager: 'Any runtime manager', batch: 'of one request', ofSchedule: 'of one schedule', ofIncident: 'of one incident', results: 'Results', artifacts: 'Artifacts', attempts: 'Attempts', tail: 'Jump to the end', earlier: 'Loading earlier lines', stream: 'Stream', anyStream: 'All output', regex: 'Regular expression', matchCase: 'Match case', searching: 'Searching the whole log', hitsSome: '{at} of {n} or more', missing: 'Lines {from} to {to} are missing', damaged: 'Lines {from} to {to} cannot be read: {why}', stored: '{bytes} stored', wrap: 'Wrap', attempt: 'Attempt {n}', attemptOf: 'attempt {n} of {of}', nextAttempt: 'next attempt {t}', noAttempts: 'It was attempted once.', noArtifacts: 'It left no files. A script keeps files by writing them below $AIOPS_ARTIFACTS.', noResults: 'It left no result. A script writes JSON to $AIOPS_RESULT, or JUnit XML below $AIOPS_ARTIFACTS.', notYet: 'Collected when the run has ended.', fileName: 'File', size: 'Size', type: 'Type', previewFile: 'Preview', tooLarge: 'Too large to preview; download it.', noPreview: 'No preview for this type; download it.', resultJson: 'Result document', tests: 'Tests', onlyBad: 'Only what failed', testsSum: '{passed} passed, {failed} failed, {skipped} skipped in {t}', againSame: 'Run again with the same values', cancelling: 'Stopping: asked {t}; the process tree is ended first politely, then by force.', deadline: 'Deadline', priority: 'Priority', version: 'Script version', planned: 'Planned for', restUntil: 'Waits for its next attempt', limitsUsed: '{cpu} CPU, {memory}, {pids} processes', networkOn: 'network', networkOff: 'no network', secrets: 'Secrets', expMatches: 'output matches', expResult: 'result {path} {op} {value}', owner: 'Owner',
  },
  script: {
    list: 'Test scripts', one: 'Script', new: 'New script', language: 'Language', mode: 'Mode', timeout: 'Time limit (s)', image: 'Container image', imageHint: 'For Docker and Kubernetes; empty: the runtime’s default.', body: 'Body', bodyHint: 'Values arrive as environment variables of the same name; nothing is spliced into the text.',
    parameters: 'Parameters (JSON Schema)', parametersHint: 'An object schema; its properties become the form of each case.', parametersBad: 'Not valid JSON: {error}', parametersShape: 'Give a JSON Schema of type object', example: 'Insert an example', preview: 'Form as users see it', modeHint: 'At most once: a run that may have started is never started again.', lines: '{n} lines',
    interpreter: 'Interpreter', interpreterHint: 'Command and arguments, one word each; the file of the script follows.', imageNeeded: 'The language “Other” needs an image or an interpreter', contract: 'Contract', contractHint: 'Further texts of the same language: each runs as a case of its own.', idempotent: 'Repeatable', idempotentYes: 'Yes: running it twice does no harm', idempotentNo: 'No: a run that may have started is never started again', precheckHint: 'Checks before anything is touched; a failure stops here.', verifyHint: 'Checks afterwards whether it worked.', undoHint: 'Takes it back.', addPart: 'Add: {part}', versions: 'Versions', versionsHint: 'Every content is kept; a restored one becomes the newest.', compare: 'Compare', compareWith: 'Compare with', restore: 'Restore', restoreAsk: 'Make the content of version {n} the newest one?', restored: 'Version {n} is back', newest: 'newest', same: 'Nothing differs.', changedFields: 'Changed: {fields}', diffTitle: 'Version {from} → {to}',
  },
  case: {
    list: 'Test cases', one: 'Case', new: 'New case', kind: 'What runs', fromScript: 'A script', ownBody: 'Own body', script: 'Script', chooseScript: 'Choose a script', values: 'Values', valuesHint: 'Passed as environment variables. Empty: the script’s default.', noParams: 'This script takes no parameters.', runtimeTags: 'Runtime tags', runtimeTagsHint: 'Only runtime managers that carry all of these are used.',
    timeout: 'Time limit (s)', timeoutHint: 'Empty: the script’s.', expectations: 'Counts as passed when', exitCode: 'Exit code', contains: 'Output contains', maxDuration: 'Ends within (s)', run: 'Run now', runTitle: 'Run “{name}”', target: 'Target', targetHint: 'Entity acted on, for example service=checkout. One run at a time acts on a target.', start: 'Start', last: 'Last runs', addValue: 'Add a value',
    part: 'Part of the script', version: 'Version', versionNewest: 'Always the newest', versionPinned: 'Version {n}', priority: 'Priority', priorityHint: '-100 to 100, higher first. Empty: by purpose.', matches: 'Output matches (regular expression)', resultChecks: 'Result', resultHint: 'Conditions on the JSON that the script writes to $AIOPS_RESULT.', addCheck: 'Add a condition', path: 'Path, for example /rows/0', moreExpect: 'More conditions',
  },
  manager: {
    list: 'Runtime managers', one: 'Runtime manager', new: 'New runtime manager', kind: 'Kind', endpoint: 'Address', endpointHint: 'For example unix:///var/run/docker.sock or https://cluster:6443', capacity: 'Capacity', capacityHint: 'Runs at once.', draining: 'Draining', drainHint: 'Finishes what runs, takes nothing new.', drain: 'Drain', undrain: 'Take runs again', latency: 'Answer', checked: 'Checked', platform: 'Platform', runsAtOnce: '{n} at once', lastOk: 'last healthy {t}',
  },
  policy: {
    list: 'Policies', one: 'Policy', new: 'New policy', priority: 'Priority', priorityHint: 'Lower numbers are asked first.', match: 'Which incidents', matchHint: 'Every given condition must hold; empty means any.', entities: 'Entities of the cause', entitiesHint: '* stands for any characters, for example service=check*', signals: 'Signals', monitorsField: 'Monitors', minSeverity: 'Severity at least',
    steps: 'Steps', stepsHint: 'Tried in order; each is measured before the next.', step: 'Step {n}', case: 'Case', undo: 'Undo case', values: 'Values for this step', addStep: 'Add a step', up: 'Move up', down: 'Move down', autonomy: 'Autonomy', onFailure: 'When a step did not fix it',
    gates: 'Gates', gatesHint: 'Checked and reserved in the transaction that queues the run.', cooldown: 'Rest between runs on one target (s)', attempts: 'Attempts per incident', breakerAfter: 'Breaker opens after failures in a row', breakerSecs: 'Breaker stays open (s)', targetsAtOnce: 'Targets at the same time', freshness: 'Oldest data acted on (s)', limits: 'Limits', limit: 'at most {runs} runs in {secs} s', maxRuns: 'Runs', window: 'in seconds', addLimit: 'Add a limit',
    verification: 'Verification', verificationHint: 'How the effect is measured. Without data the verdict is inconclusive, never fixed.', settle: 'Settle (s)', samples: 'Healthy samples in a row', interval: 'Between samples (s)', deadline: 'Deadline (s)', soak: 'Soak (s)', recovery: 'Use the detectors’ own recovery criterion', checks: 'Further conditions (PromQL)', addCheck: 'Add a condition', source: 'Source', query: 'Query', limitValue: 'Limit', checkHint: '$entity_value is replaced by the quoted value of the target.',
    autonomyHint: { shadow: 'Decides and records; does nothing.', suggest: 'Shows the decision; a person starts it.', approve: 'Asks; runs after approval.', auto: 'Runs by itself, within the gates.' }, stepCount: '{n} step | {n} steps',
  },
  monitor: {
    list: 'Monitors', one: 'Monitor', new: 'New monitor', source: 'Source', query: 'Query', queryHint: 'PromQL', queryLogsHint: 'Elasticsearch query string; empty: all lines', interval: 'Every (s)', signal: 'Measures', entityLabels: 'Labels that name the entity', detector: 'Detector', op: 'Wrong if', limit: 'Limit', forSecs: 'For (s)', afterSecs: 'Missing for (s)', sensitivity: 'Sensitivity', sensitivityHint: '1: only the gross — 10: everything', direction: 'Looks', severity: 'Severity of its anomalies', unit: 'Unit', unitHint: 's, %, bytes …', maxSeries: 'Series at most', muted: 'Muted until', preview: 'Preview', previewRun: 'Run the query', previewNone: 'The query answered without series.', previewSeries: '{n} series, last 15 minutes', previewFirst: 'Choose a source and type a query.', previewReady: 'Run the query to see its last 15 minutes.', partial: 'Part of the answer is missing', checked: 'Checked', shownOf: 'showing {n}',
  },
  source: {
    list: 'Sources', one: 'Source', new: 'New source', kind: 'Kind', url: 'Address', urlHint: 'http://host:9090, without user name or password', credentials: 'Credentials', username: 'User name', password: 'Password', token: 'Token', key: 'API key', secretKept: 'Stored; type to replace it.', index: 'Index pattern', indexHint: 'for example logs-*', fields: 'Field names', fieldsHint: 'Where they differ from ECS and OpenTelemetry.', timeout: 'Time limit of a request (s)', test: 'Test', testing: 'Testing', testOk: 'It answers', testBad: 'It does not answer as it should', latency: 'Answer', checked: 'Checked',
    fieldRoles: { timestamp: 'Time', level: 'Level', message: 'Message', service: 'Service', trace_id: 'Trace id' },
  },
  channel: { list: 'Channels', one: 'Channel', new: 'New channel', kind: 'Kind', url: 'Address', secret: 'Signing key', secretHint: 'Requests are signed with HMAC-SHA256.', minSeverity: 'Sends from' },
  audit: { list: 'Audit', seq: 'No.', at: 'When', actor: 'Who', action: 'What', object: 'Object', origin: 'From', hash: 'Hash', intro: 'Every row’s hash covers the one before; “aiops audit verify” checks the chain.' },
  user: { list: 'Users', new: 'New user', username: 'User name', role: 'Role', password: 'Password', newPassword: 'New password', passwordHint: 'Empty: unchanged.', created: 'Created', you: 'you', archiveAsk: 'Remove the user “{name}”? Their sessions end.', short: 'Use at least {n} characters' },
  severity: { info: 'Info', warning: 'Warning', critical: 'Critical' },
  incidentState: { open: 'Open', acknowledged: 'Acknowledged', healing: 'Healing', verifying: 'Verifying', resolved: 'Resolved', escalated: 'Escalated', suppressed: 'Suppressed', merged: 'Merged' },
  runState: { waiting_approval: 'Waiting for approval', queued: 'Queued', leased: 'Leased', running: 'Running', cancelling: 'Stopping', succeeded: 'Succeeded', failed: 'Failed', timed_out: 'Timed out', cancelled: 'Cancelled', lost: 'Lost' },
  verdict: { fixed: 'Fixed', improved: 'Improved', not_fixed: 'Not fixed', worse: 'Worse', inconclusive: 'Inconclusive' },
  outcome: { run: 'Run', wait: 'Wait', ask: 'Ask', refuse: 'Refuse' },
  health: { ok: 'OK', unknown: 'Not asked yet', learning: 'Learning', no_data: 'No data', partial: 'Partial', source_error: 'Source error' },
  managerHealth: { source_error: 'Not reachable', no_data: 'No answer', learning: 'Starting' },
  signal: { latency: 'Latency', errors: 'Errors', traffic: 'Traffic', saturation: 'Saturation', availability: 'Availability', logs: 'Logs', other: 'Other' },
  anomalyKind: { level: 'Level', rate: 'Rate', threshold: 'Threshold', absence: 'Absence', entity: 'Many metrics at once', log_error_rate: 'Log error rate', new_template: 'New log template', log_burst: 'Log burst', alert: 'Alert of another system' },
  anomalyState: { open: 'Open', closed: 'Recovered' },
  event: {
    opened: 'Opened', anomaly_added: 'Anomaly', anomaly_closed: 'Recovered', cause_ranked: 'Cause ranked', decided: 'Decided', run_queued: 'Run queued', run_started: 'Run started', run_ended: 'Run ended', verification_started: 'Verifying', verification_sampled: 'Sample', verdict: 'Verdict', undo_queued: 'Undo queued', resolved: 'Resolved', escalated: 'Escalated', reopened: 'Reopened', acknowledged: 'Acknowledged', comment: 'Comment', notified: 'Notified', assigned: 'Assigned', severity_set: 'Severity set', merged: 'Merged', split: 'Split',
  },
  mode: { at_most_once: 'At most once', at_least_once: 'At least once' },
  purpose: { manual: 'Manual', heal: 'Heal', undo: 'Undo', scheduled: 'Scheduled' },
  autonomy: { shadow: 'Shadow', suggest: 'Suggest', approve: 'Approve', auto: 'Auto' },
  onFailure: { next_step: 'Next step, then a person', undo: 'Undo it, then a person', escalate: 'A person at once' },
  role: { viewer: 'Viewer', operator: 'Operator', approver: 'Approver', editor: 'Editor', admin: 'Administrator' },
  direction: { both: 'Both ways', up: 'Only up', down: 'Only down' },
  notificationState: { pending: 'Pending', delivered: 'Delivered', dead: 'Given up' },
  sourceKind: { prometheus: 'Prometheus', elasticsearch: 'Elasticsearch', alertmanager: 'Alertmanager', grafana: 'Grafana alerting', generic: 'Generic webhook (JSON)' },
  runtimeKind: { local: 'Local', docker: 'Docker', kubernetes: 'Kubernetes' },
  language: { bash: 'Bash', sh: 'POSIX sh', python: 'Python 3', node: 'Node.js', other: 'Other' },
  channelKind: { webhook: 'Webhook' },
  credentialKind: { none: 'None', basic: 'User and password', bearer: 'Bearer token', api_key: 'API key' },
  detectorKind: { learned: 'Learned (no numbers to set)', threshold: 'Fixed limit', absence: 'Absence', logs: 'Log lines' },
  gate: {
    archived: 'Policy in use', burning: 'Still anomalous', target_busy: 'One run per target', targets_at_once: 'Targets at once', enabled: 'Policy enabled', maintenance: 'Maintenance window', cooldown: 'Cool-down', limits: 'Limits', attempts: 'Attempts', max_attempts: 'Attempts', breaker: 'Circuit breaker', blast_radius: 'Blast radius', max_targets: 'Targets at once', concurrency: 'One heal per target', freshness: 'Data freshness', approval: 'Approval', autonomy: 'Autonomy', echo: 'Echo of our own run', target: 'Target', steps: 'Steps left', match: 'Match',
  },
  limits: {
    title: 'Limits', cpu: 'CPU (1 = one core)', memory: 'Memory (MiB)', pids: 'Processes', file: 'Largest file (MiB)', output: 'Output kept (MiB)', network: 'Network', networkHint: 'Containers and pods have none without it.', own: 'Own limits instead of the script’s',
  },
  retry: {
    title: 'Retries', attempts: 'Attempts at most', backoff: 'First pause (s)', maxBackoff: 'Longest pause (s)', codes: 'Also after exit codes', codesHint: 'A script that is not repeatable is attempted again only after these.', own: 'Own retries instead of the script’s',
  },
  part: {
    act: 'Act', precheck: 'Precheck', verify: 'Verify', undo: 'Undo',
  },
  resultOp: {
    eq: 'equals', ne: 'differs from', gt: '>', ge: '≥', lt: '<', le: '≤', contains: 'contains', exists: 'exists', absent: 'is absent',
  },
  schema: {
    number: 'Give a number', integer: 'Give a whole number', min: 'At least {n}', max: 'At most {n}', pattern: 'Does not match {pattern}', short: 'At least {n} characters', long: 'At most {n} characters', choice: 'Choose one of the list', json: 'Not valid JSON', fallback: 'default {value}',
  },
  testOutcome: {
    passed: 'Passed', failed: 'Failed', error: 'Error', skipped: 'Skipped',
  },
  logStream: {
    stdout: 'Standard output', stderr: 'Error output', system: 'Remarks of aiops',
  },
  queue: {
    title: 'Queue', intro: 'What waits, what runs, what stands still and why.', ready: 'Can begin now', held: 'Held by their target', resting: 'Rest before a retry', oldest: 'Oldest waits', active: 'Running', owners: 'Owners', waiting: 'Waiting', managers: 'Runtime managers', byState: 'By state', pause: 'Pause', drain: 'Drain', resume: 'Resume', pauseTitle: 'Pause {what}', drainTitle: 'Drain {what}', whole: 'the whole queue', pauseHint: 'Nothing new begins; what runs goes on.', drainHint: 'The same, and this page says when nothing runs any more.', reason: 'Reason, for the others', paused: 'Paused', draining: 'Draining', drained: 'Drained: nothing runs any more.', since: '{by}, {t}', running: 'Runs start', idle: 'Nothing waits and nothing runs.', list: 'Waiting and running', used: '{n} of {of}',
  },
}
type Widen<T> = { [K in keyof T]: T[K] extends string ? string : Widen<T[K]> }
export type Messages = Widen<typeof en>
