// English texts; the shape of every other language.
export const en = {
  app: { name: 'aiops', tagline: 'Healed is a measured verdict.', skip: 'Skip to content' },
  nav: {
    dashboard: 'Dashboard', incidents: 'Incidents', runs: 'Test runs', scripts: 'Test scripts', cases: 'Test cases', managers: 'Runtime managers',
    policies: 'Policies', monitors: 'Monitors', sources: 'Sources', channels: 'Channels', audit: 'Audit', users: 'Users',
    operate: 'Operate', automate: 'Automate', observe: 'Observe', administer: 'Administer', main: 'Main navigation', narrow: 'Collapse the menu', wide: 'Expand the menu',
    queue: 'Queue', alerts: 'Alerts', anomalies: 'Anomalies', logs: 'Logs', topology: 'Topology',
    schedules: 'Schedules', secrets: 'Secrets', apiKeys: 'API keys',
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
    usual: 'The usual settings apply.', change: 'Change them',
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
    noise: 'Noise', noiseSub: 'incidents a day against the budget of {n}', noiseOver: '{n} over the budget', noiseWithin: 'within the budget', noiseToday: 'today', noiseTop: 'Loudest', notificationsDay: '{n} of {of} notifications',
  },
  incident: {
    list: 'Incidents', search: 'Search title or entity', severity: 'Severity', minSeverity: 'At least', active: 'Active', any: 'Any state', entity: 'Entity', cause: 'Probable cause', started: 'Started', detected: 'Detected', duration: 'Duration', resolved: 'Resolved', attempts: 'Attempts', reopened: 'came back {n}×',
    title: 'Incident', causes: 'Probable cause', undetermined: 'Undetermined so far', others: 'Also affected', evidence: 'Evidence', fingerprint: 'Fingerprint', ackBy: 'Taken by {who}', trace: 'Trace',
    loop: 'Healing loop', detectedStep: 'Detected', explainedStep: 'Explained', decidedStep: 'Decided', actedStep: 'Acted', verifiedStep: 'Verified', pending: 'not yet', working: 'under way', asks: 'waits for a person', waits: 'waits for a gate', refused: 'refused', afterStart: '+{t}',
    timeline: 'Timeline', anomalies: 'Anomalies', decisions: 'Why did it (not) act?', runs: 'Runs', verification: 'Verification', notifications: 'Notifications', signals: 'Signals', response: 'Response',
    acknowledge: 'Acknowledge', comment: 'Comment', escalate: 'Escalate', resolve: 'Resolve', start: 'Start this step', commentPlaceholder: 'What do you know? Ctrl+Enter sends.', send: 'Send', reason: 'Reason (goes to the timeline)',
    escalateAsk: 'Hand this incident to a person? Nothing is started automatically any more.', wasWhat: 'What was it?', wasReal: 'Real trouble', wasFalse: 'A false alarm', wasUnsaid: 'Not said', wasHint: 'Said of all its anomalies: a false alarm makes their monitors less keen on these series, real trouble takes that back. It is remembered.', resolveAsk: 'Close this incident by hand? It is not a measured verdict.', startAsk: 'Start step {n} of “{policy}” now?', started1: 'The step was queued', done: 'Done', newer: 'The incident had changed; it was read again. Try once more.',
    observed: 'observed', expected: 'expected', band: 'expected band', score: 'score', logSamples: 'Log lines (masked)', samplesMore: 'Show all {n}', chartNone: 'No points are stored for this series.', showChart: 'Show chart', episode: 'Episode', ongoing: 'ongoing', noChart: 'Log anomalies have no series; their lines are the evidence.',
    markStart: 'anomaly', markRun: 'run', markRunEnd: 'run end', markVerdict: 'verdict', markDetected: 'detected',
    gate: 'Gate', passed: 'passed', held: 'held', inputs: 'What it looked at', step: 'Step {n}', retryAt: 'asked again {t}', noPolicy: 'No policy', run: 'Run', allGates: '{n} gates passed', someGates: '{held} of {n} gates held it back',
    baseline: 'Before the run', round: 'Sample {n}', check: 'Condition', healthyRange: 'Healthy', outside: 'outside', inside: 'healthy', noData: 'no data', nextSample: 'next sample {t}', soakUntil: 'soak: a relapse until {t} reopens', settle: 'settling {t} after the run', newest: 'Newest first', oldest: 'Oldest first', actorUser: 'by {who}',
    channel: 'Channel', topic: 'Topic', tries: 'Tries', next: 'Next try', nActive: '{n} active',
    alerts: 'Alerts', more: 'More', assign: 'Assign', assignee: 'Assigned to {who}', nobody: 'nobody', assignTo: 'Login name', assignMe: 'Take it myself', setSeverity: 'Set severity', severityBy: 'set by {who}', merge: 'Merge into another', mergeInto: 'Becomes part of', mergeAsk: 'Its anomalies and alerts move there; this one ends as merged.', mergedInto: 'Merged into', merged: 'Merged from', splitFrom: 'Split from', split: 'Split', splitAsk: 'Choose the anomalies that become an incident of their own.', splitTitle: 'Title of the new incident', reopen: 'Reopen', reopenAsk: 'Open this incident again?', chooseIncident: 'Choose an incident', lead: '{n} points ahead of the next', undeterminedWhy: 'No candidate stands out: the evidence is thin or points at several.', path: 'Topology', movable: 'While a run acts or is measured, members cannot be moved.',
  },
  run: {
    list: 'Test runs', title: 'Run', case: 'Case', purpose: 'Purpose', target: 'Target', runtime: 'Runtime', started: 'Started', duration: 'Duration', exit: 'Exit', requestedBy: 'Asked by', queued: 'Queued', ended: 'Ended', anyCase: 'Any case', states: 'States', anyState: 'Any state',
    cancel: 'Cancel run', cancelAsk: 'Stop this run? The whole process tree is ended: first asked, then killed.', cancelAsked: 'The run is being stopped', reason: 'Reason', env: 'Environment', envNone: 'No values were given.', script: 'Script as it ran', expectations: 'Expectations', expExit: 'exit code {n}', expOutput: 'output contains', expDuration: 'at most {t}',
    mode: 'Mode', timeout: 'Time limit', manager: 'Runtime manager', managerReason: 'Why there', epoch: 'Lease', key: 'Run key', incident: 'For incident', step: 'policy step {n}', facts: 'Facts', log: 'Log', follow: 'Follow', download: 'Download', searchLog: 'Search the log', hits: '{at} of {n}', noHits: 'no hits', prev: 'Previous hit', nextHit: 'Next hit', lines: '{n} lines', streams: 'Streams', time: 'Times', truncated: 'Older lines were dropped from view; download the log for all of them.', again: 'Run again', hash: 'SHA-256', image: 'Image', wrapUp: 'Ended',
    search: 'Search case, target, person, reason', anyPurpose: 'Any purpose', anyManager: 'Any runtime manager', batch: 'of one request', ofSchedule: 'of one schedule', ofIncident: 'of one incident', results: 'Results', artifacts: 'Artifacts', attempts: 'Attempts', tail: 'Jump to the end', earlier: 'Loading earlier lines', stream: 'Stream', anyStream: 'All output', regex: 'Regular expression', matchCase: 'Match case', searching: 'Searching the whole log', hitsSome: '{at} of {n} or more', missing: 'Lines {from} to {to} are missing', damaged: 'Lines {from} to {to} cannot be read: {why}', stored: '{bytes} stored', wrap: 'Wrap', attempt: 'Attempt {n}', attemptOf: 'attempt {n} of {of}', nextAttempt: 'next attempt {t}', noAttempts: 'It was attempted once.', noArtifacts: 'It left no files. A script keeps files by writing them below $AIOPS_ARTIFACTS.', noResults: 'It left no result. A script writes JSON to $AIOPS_RESULT, or JUnit XML below $AIOPS_ARTIFACTS.', notYet: 'Collected when the run has ended.', fileName: 'File', size: 'Size', type: 'Type', previewFile: 'Preview', tooLarge: 'Too large to preview; download it.', noPreview: 'No preview for this type; download it.', resultJson: 'Result document', tests: 'Tests', onlyBad: 'Only what failed', testsSum: '{passed} passed, {failed} failed, {skipped} skipped in {t}', againSame: 'Run again with the same values', cancelling: 'Stopping: asked {t}; the process tree is ended first politely, then by force.', deadline: 'Deadline', priority: 'Priority', version: 'Script version', planned: 'Planned for', restUntil: 'Waits for its next attempt', limitsUsed: '{cpu} CPU, {memory}, {pids} processes', networkOn: 'network', networkOff: 'no network', secrets: 'Secrets', expMatches: 'output matches', expResult: 'result {path} {op} {value}', owner: 'Owner',
    since: 'From', until: 'Until', time_range: 'Queued between', anyTag: 'Any tag', tag: 'Tag of the case', anybody: 'Asked by anybody',
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
    settings: 'Settings', images: 'Images that cases may name', imagesHint: '* stands for any characters. The default image is always allowed.', defaultImage: 'Default image', pull: 'Fetch images', network: 'Network of cases that may use one', networkHint: 'For example bridge. Empty: no case gets any network.', user: 'User and group (numbers)', work: 'Working folder (MiB)', tmp: '/tmp (MiB)', tls: 'TLS towards the engine', ca: 'Authority (PEM or path)', cert: 'Our certificate (PEM or path)', key: 'Our key (PEM or path)', kubeconfig: 'Kubeconfig', kubeconfigHint: 'Only for an https:// address; log-in commands in it are refused.', context: 'Context', namespace: 'Namespace', serviceAccount: 'Service account', serviceAccountHint: 'Its token reaches the scripts; empty: none.', pullSecrets: 'Secrets for the registry', nodeSelector: 'Labels a node must have', networkPolicy: 'Forbid traffic of runs without network', startLimit: 'Until the script runs at most (s)', grace: 'From TERM to KILL (s)', keep: 'Keep ended jobs (s)', dockerHint: 'unix:///var/run/docker.sock, tcp://host:2375 or https://host:2376', kubernetesHint: 'in-cluster, the path of a kubeconfig on the runner’s host, or https://host:6443', health: 'Health', running: 'Running now', free: '{n} of {of} in use', runs: 'Its runs', test: 'Test the connection', history: 'Health history', historyNone: 'No checks are recorded for this time.', testOk: 'It answers', testBad: 'It cannot be used', span: 'Time', spans: { h1: 'An hour', h24: 'A day', h168: 'A week' }, well: 'Healthy', checks: 'Checks', checksOf: '{failed} of {n} failed', p50: 'Half answer within', p95: '95 % answer within', longest: 'Longest', failed: 'Failed', noOutage: 'No check failed.', goesOn: 'goes on', moreOutages: 'and {n} earlier ones',
  },
  policy: {
    list: 'Policies', one: 'Policy', new: 'New policy', priority: 'Priority', priorityHint: 'Lower numbers are asked first.', match: 'Which incidents', matchHint: 'Every given condition must hold; empty means any.', entities: 'Entities of the cause', entitiesHint: '* stands for any characters, for example service=check*', signals: 'Signals', monitorsField: 'Monitors', minSeverity: 'Severity at least',
    steps: 'Steps', stepsHint: 'Tried in order; each is measured before the next.', step: 'Step {n}', case: 'Case', undo: 'Undo case', values: 'Values for this step', addStep: 'Add a step', up: 'Move up', down: 'Move down', autonomy: 'Autonomy', onFailure: 'When a step did not fix it',
    gates: 'Gates', gatesHint: 'Checked and reserved in the transaction that queues the run.', cooldown: 'Rest between runs on one target (s)', attempts: 'Attempts per incident', breakerAfter: 'Breaker opens after failures in a row', breakerSecs: 'Breaker stays open (s)', targetsAtOnce: 'Targets at the same time', freshness: 'Oldest data acted on (s)', limits: 'Limits', limit: 'at most {runs} runs in {secs} s', maxRuns: 'Runs', window: 'in seconds', addLimit: 'Add a limit',
    verification: 'Verification', verificationHint: 'How the effect is measured. Without data the verdict is inconclusive, never fixed.', settle: 'Settle (s)', samples: 'Healthy samples in a row', interval: 'Between samples (s)', deadline: 'Deadline (s)', soak: 'Soak (s)', recovery: 'Use the detectors’ own recovery criterion', checks: 'Further conditions (PromQL)', addCheck: 'Add a condition', source: 'Source', query: 'Query', limitValue: 'Limit', checkHint: '$entity_value is replaced by the quoted value of the target.',
    autonomyHint: { shadow: 'Decides and records; does nothing.', suggest: 'Shows the decision; a person starts it.', approve: 'Asks; runs after approval.', auto: 'Runs by itself, within the gates.' }, stepCount: '{n} step | {n} steps',
    alertsField: 'Names of outside alerts', labelsField: 'Labels of a member',
  },
  monitor: {
    list: 'Monitors', one: 'Monitor', new: 'New monitor', source: 'Source', query: 'Query', queryHint: 'PromQL', queryLogsHint: 'Elasticsearch query string; empty: all lines', interval: 'Every (s)', signal: 'Measures', entityLabels: 'Labels that name the entity', detector: 'Detector', op: 'Wrong if', limit: 'Limit', forSecs: 'For (s)', afterSecs: 'Missing for (s)', sensitivity: 'Sensitivity', sensitivityHint: '1: only the gross — 10: everything', direction: 'Looks', severity: 'Severity of its anomalies', unit: 'Unit', unitHint: 's, %, bytes …', maxSeries: 'Series at most', muted: 'Muted until', preview: 'Preview', previewRun: 'Run the query', previewNone: 'The query answered without series.', previewSeries: '{n} series, last 15 minutes', previewFirst: 'Choose a source and type a query.', previewReady: 'Run the query to see its last 15 minutes.', partial: 'Part of the answer is missing', checked: 'Checked', shownOf: 'showing {n}',
    rules: 'Rules beside it', rulesHint: 'Fixed limits and absence, judged on each series.', addThreshold: 'Add a limit', addAbsence: 'Add absence', clear: 'Over again at', ruleSeverity: 'Severity', asMonitor: 'the monitor’s', mute: 'Mute', muteFor: 'Mute for', unmute: 'End the mute', mutedUntil: 'Muted until {t}', muteHint: 'While muted it learns and shows, and opens no incident. The change is in the audit.', hours: '{n} h', days: '{n} days', discovered: 'Discovered', own: 'Own', origin: 'Origin', anyHealth: 'Any health', feedback: 'Feedback', feedbackNone: 'Nobody said anything of its anomalies yet.', effect: 'Effect on the sensitivity', effectNow: 'set to {set}, {left} where nothing was said', forget: 'Forget all feedback', forgetAsk: 'Forget what was said of this monitor’s anomalies? Its sensitivity is what is set again.', forgotten: 'Feedback forgotten', kindSeries: 'Kind of anomaly', opinions: 'Opinions', left: 'Left', anomalies: 'Its anomalies',
  },
  source: {
    list: 'Sources', one: 'Source', new: 'New source', kind: 'Kind', url: 'Address', urlHint: 'http://host:9090, without user name or password', credentials: 'Credentials', username: 'User name', password: 'Password', token: 'Token', key: 'API key', secretKept: 'Stored; type to replace it.', index: 'Index pattern', indexHint: 'for example logs-*', fields: 'Field names', fieldsHint: 'Where they differ from ECS and OpenTelemetry.', timeout: 'Time limit of a request (s)', test: 'Test', testing: 'Testing', testOk: 'It answers', testBad: 'It does not answer as it should', latency: 'Answer', checked: 'Checked',
    fieldRoles: { timestamp: 'Time', level: 'Level', message: 'Message', service: 'Service', trace_id: 'Trace id' },
    webhook: 'Alerts that are sent here', entities: 'Labels that name the entity, best first', entitiesHint: 'None of them there: well-known ones such as service, pod, instance.', labelOf: 'Label', kindOf: 'Kind', severityLabel: 'Label of the severity', signalLabel: 'Label of the signal', mapping: 'Where the body keeps what (JSON pointers)', address: 'Address for the sender', createToken: 'Create a token', newToken: 'Replace the token', revoke: 'Revoke the token', revokeAsk: 'Revoke the token? Deliveries are refused until there is a new one.', revoked: 'The token is revoked', replaceAsk: 'Create a new token? The one before stops working at once.', tokenOnce: 'This token is shown once. Copy it now.', tokenFirst: 'Save the source first; then create its token.', tokenHint: 'The sender proves itself with a bearer token of its own.', snippet: 'Configuration of the sender', alertsOf: 'Its alerts',
  },
  discovery: {
    title: 'Discovery', intro: 'What a Prometheus holds, and the monitors that would watch it. Nothing is stored until you take it.', again: 'Look again', noSource: 'There is no Prometheus source to look at.', empty: 'This source holds no metrics yet: check that it scrapes its targets.', metrics: 'metrics', seriesAll: 'series', scrape: 'scraped every {n} s', proposedN: 'proposed', thereN: 'watched already', leftOutN: 'left out',
    proposed: 'Proposed monitors', none: 'There is nothing to propose: no metric is known, and none tells by its type and name what to watch.', onlyNew: 'Only new ones', takeAll: 'Take all {n} new ones', take: 'Take', takeMuted: 'Take muted', taken: '{n} monitors created', mute: 'Mute 7 days', there: 'Is watched', fresh: 'new', entities: 'Entity by',
    leftOut: 'Left out', what: 'What', why: 'Why, and what to do', series: 'Series', nothingLeft: 'Nothing is left out.', showAll: 'Show all {n}', more: '{n} more are not listed.',
  },
  leftOut: {
    internal_go: 'internal of the Go runtime', internal_process: 'internal of the process; processor time, memory and files are watched', internal_python: 'internal of the Python runtime', internal_jvm: 'internal of the JVM; the heap is watched', internal_nodejs: 'internal of Node.js; the event loop is watched', internal_exporter: 'internal of the exporter', internal_prometheus: 'internal of Prometheus', internal_scrape: 'written by Prometheus at each scrape', internal_aiops: 'our own', internal_alerts: 'alerts of Prometheus; they come by Alertmanager', internal_collector: 'internal of the collector',
    known_exporter: 'of a known exporter whose telling signals are watched; add a PromQL monitor for it', recording_rule: 'a recording rule: it repeats other metrics; add a PromQL monitor for it', constant: 'says something by its labels, or a time; its value does not change', no_histogram: 'its type says histogram, and it has neither buckets nor native histograms; add a PromQL monitor for it', no_labels: 'its series have no {labels}; add a PromQL monitor for it', beyond_families: 'beyond the {most} families that are looked at; add a PromQL monitor for it', beyond_monitors: 'beyond the {most} monitors that are proposed for one source; create it in the UI', too_many_services: '{services} services are more than the {most} of one monitor; narrow it by hand', series_cut: '{most} of {series} series are watched; raise max_series, at most 20000, or narrow its query', not_counted: 'the source did not count all of its series ({error})',
  },
  channel: { list: 'Channels', one: 'Channel', new: 'New channel', kind: 'Kind', url: 'Address', secret: 'Signing key', secretHint: 'Requests are signed with HMAC-SHA256.', minSeverity: 'Sends from' },
  audit: { list: 'Audit', seq: 'No.', at: 'When', actor: 'Who', action: 'What', object: 'Object', origin: 'From', hash: 'Hash', intro: 'Every row’s hash covers the one before; “aiops audit verify” checks the chain.' },
  user: { list: 'Users', new: 'New user', username: 'User name', role: 'Role', password: 'Password', newPassword: 'New password', passwordHint: 'Empty: unchanged.', created: 'Created', you: 'you', archiveAsk: 'Remove the user “{name}”? Their sessions end.', short: 'Use at least {n} characters' },
  topology: {
    intro: 'Who depends on whom: callers stand left of what they call. Incidents are joined along these lines, and the search for a cause follows them.',
    empty: 'Nothing is known yet of who depends on whom. Correlation works by time and labels alone until one of these feeds it:',
    how1: 'Service graph metrics in Prometheus (OpenTelemetry collector, Tempo, Alloy): traces_service_graph_request_total', how2: 'Metrics of HTTP clients (http_client_request_duration_seconds) or of Istio (istio_requests_total)',
    how3: 'kube-state-metrics: kube_pod_info, kube_pod_owner, kube_replicaset_owner, kube_endpoint_address', how4: 'A file of one’s own: set topology_file (AIOPS_TOPOLOGY_FILE) to a YAML or JSON file such as this',
    emptyIncident: 'Nothing is known of what these entities depend on, so no way to the cause can be drawn.', howLink: 'How to feed the topology',
    around: 'Around an entity', hops: 'How far', nHops: '{n} step | {n} steps', whole: 'Whole graph', onlyAround: 'Only around this', size: '{nodes} entities, {edges} dependencies', omitted: '{n} left out; choose an entity',
    graphLabel: 'Graph of {n} entities. Arrow keys move, Enter chooses.', nIncidents: '{n} incident | {n} incidents', nAnomalies: '{n} open anomaly | {n} open anomalies', well: 'nothing unusual',
    needs: 'Depends on', neededBy: 'Depended on by', onlyRanked: 'known when the cause was ranked, not any more', stale: 'not seen for an hour', pathTo: 'Way to the cause:', noPath: '(no known way leads there from another entity)',
    feeds: 'Where it is known from', place: 'Kind', origin: 'Name', edges: 'Dependencies', read: 'Last read',
    legend: { calls: 'calls', contains: 'is made of, runs on', stale: 'not seen for an hour, not used', path: 'way to the cause', keys: 'Arrow keys move, Enter chooses' },
  },
  change: { one: 'Change' },
  changeKind: { deployment: 'release', scale: 'scaling', config: 'configuration', run: 'run', other: 'other' },
  relation: { calls: 'calls', contains: 'made of', runs_on: 'runs on' },
  edgeSource: { service_graph: 'Service graph', clients: 'HTTP clients', istio: 'Istio', kubernetes: 'Kubernetes', file: 'File' },
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
  platform: {
    os: 'System', kernel: 'Kernel', arch: 'Architecture', host: 'Host', cpus: 'CPUs', memory_bytes: 'Memory', running: 'Runs alive', isolation: 'Isolation', engine: 'Engine', images: 'Images', version: 'Version', limits_by: 'Limits by', sandbox: 'Sandbox', script_user: 'Scripts run as',
  },
  pullPolicy: {
    if_missing: 'When missing', always: 'Before each run', never: 'Never',
  },
  mapping: {
    alerts: 'List of alerts (empty: the body)', name: 'Name', status: 'Status', labels: 'Labels (object)', fingerprint: 'Fingerprint', starts_at: 'Start', ends_at: 'End', summary: 'One line for people', link: 'Link', resolved: 'Words that mean resolved', fields: 'Further labels',
  },
  alert: {
    list: 'Alerts', intro: 'What other systems told, as they told it.', groups: 'Groups', name: 'Alert', source: 'Source', starts: 'Began', ends: 'Ended', told: 'Told', times: '{n}×', search: 'Search name or entity', anyState: 'Any state', anySource: 'Any source', incident: 'Incident', link: 'At its sender', labels: 'Labels', annotations: 'Texts', unknown: 'no data at its sender', group: 'Group', inGroup: 'Alerts', omitted: 'Left out by the sender', lastTold: 'Last told', empty: 'No alert came in yet. Create a source of the kind Alertmanager, Grafana or generic webhook.', noGroups: 'No group was told yet.', none: 'No outside alert belongs to this incident.',
  },
  alertState: {
    firing: 'Firing', resolved: 'Resolved',
  },
  anomaly: {
    said_nothing: 'nothing said', anyMonitor: 'Any monitor', anyFeedback: 'Said or not', anyTime: 'Began', began_from: 'Began from', began_to: 'until', moreOf: 'Anomalies of this entity',
    list: 'Anomalies', search: 'Filter by monitor or entity', monitor: 'Monitor', series: 'Series', view: 'Seen by', way: 'Went', up: 'up', down: 'down', recovery: 'Counts as recovered when', recoveryBand: 'it is between {lower} and {upper}', recoveryClosed: 'its detector closes it', recoveryTold: 'its sender says so', untold: 'Opens no incident: {why}', closedBecause: 'Closed because: {why}', feedback: 'Was it worth being told?', useful: 'Useful', noise: 'Noise', remark: 'Remark (optional)', said: 'Said so far', saidNone: 'Nobody said anything yet.', saved: 'Remembered', noiseHint: 'Noise makes this monitor less keen on this series; it is remembered.', incident: 'Incident', noIncident: 'belongs to no incident', empty: 'No anomalies yet.', open: 'Only open ones', started: 'Began',
    recoveryAtMost: 'it is at most {upper}', recoveryAtLeast: 'it is at least {lower}',
  },
  opinion: {
    useful: 'Useful', noise: 'Noise',
  },
  voice: {
    person: 'a person', verdict: 'the verdict “fixed”', by_itself: 'closed by itself',
  },
  schedule: {
    list: 'Schedules', new: 'New schedule', case: 'Case', chooseCase: 'Choose a case', cron: 'Cron', cronHint: 'minute hour day month weekday, for example 30 2 * * 1-5', zone: 'Time zone', next: 'Next times', nextNone: 'It starts nothing: it is disabled or has no next time.', misfire: 'When nobody could start it in time', grace: 'How late it may start (s)', overlap: 'While an earlier run is not over', jitter: 'Spread over (s)', jitterHint: 'Each time is moved by an amount that never changes.', values: 'Values over the case’s own', target: 'Target', windows: 'What became of it', windowsNone: 'No planned time has passed yet.', planned: 'Planned', outcome: 'Outcome', why: 'Why', times: '{n} times', empty: 'No schedules yet. A schedule runs a case at times that a cron expression names.', runs: 'Its runs',
  },
  misfire: {
    skip: 'Record it as missed', run_once: 'Start the newest once',
  },
  overlap: {
    skip: 'Skip it', queue: 'Queue it',
  },
  windowOutcome: {
    started: 'Started', missed: 'Missed', skipped: 'Skipped',
  },
  secret: {
    list: 'Secrets', intro: 'Values go in and never come out; scripts get them as environment and as files.', new: 'New secret', name: 'Name', value: 'Value', valueHint: '6 bytes to 64 KiB; it is never shown again.', replace: 'Replace the value', remove: 'Remove', removeAsk: 'Remove the secret “{name}”? It is refused while a case or script names it.', version: 'Version', by: 'Set by', key: 'Sealed with', empty: 'No secrets yet.', mapping: 'Secrets', mappingHint: 'Environment name and the secret it gets.', env: 'Environment name', choose: 'Secret', addOne: 'Add a secret', unknown: '{name} (not stored)',
  },
  apiKey: {
    list: 'API keys', intro: 'Keys of programs. Each has a role and an end.', new: 'New key', name: 'What it is for', days: 'Valid for (days)', prefix: 'Begins with', created: 'Made', expires: 'Ends', used: 'Last used', never: 'never', revoked: 'Revoked', expired: 'Expired', valid: 'Valid', revoke: 'Revoke', revokeAsk: 'Revoke the key “{name}”? Requests with it are refused at once.', once: 'This key is shown once. Copy it now.', empty: 'No keys yet.', usage: 'Authorization: Bearer',
  },
  batch: {
    start: 'Run many', title: 'Run many cases', byTag: 'Cases with this tag', byChoice: 'These cases', matrix: 'On each of these runtime managers', matrixHint: 'Empty: once, wherever there is room.', count: '{n} runs', page: 'Request of {n} runs', cancel: 'Cancel all', cancelAsk: 'Stop every run of this request that is not over?', passed: 'All as expected', failed: 'Not all as expected', running: 'Under way', anywhere: 'anywhere', asList: 'As a list',
  },
  backtest: {
    title: 'Backtest', hint: 'The detector over history, knowing nothing of later rows. Nothing is stored and nobody is told.', run: 'Run it', range: 'Last', hours: '{n} h', days: '{n} days', events: '{n} events', summary: '{rows} rows of {series} series', leftOut: '{n} series left out', none: 'It would have said nothing.', unsaved: 'With the settings in the form, saved or not.', series: 'Series', partial: 'Partial',
  },
  logs: {
    title: 'Logs', intro: 'The shapes of log lines, by first sight.', search: 'Search text or name', anyMonitor: 'Any log monitor', anyLevel: 'Any level', fresh: 'New in the last', freshAny: 'At any time', onlyPinned: 'Pinned', onlyMuted: 'Muted', template: 'Template', count: 'Lines', rate: 'Last 24 h', first: 'First seen', last: 'Last seen', samples: 'Samples (masked)', pin: 'Pin', unpin: 'Unpin', mute: 'Mute', unmute: 'Unmute', rename: 'Rename', renameTitle: 'Name of the template', split: 'Split', splitAsk: 'Take this template apart into the shapes it was joined from? They never join again.', splitOn: 'taken apart', merged: 'became part of another', isNew: 'new', empty: 'No templates yet. A log monitor on an Elasticsearch source finds them.', perHour: '{n} lines in that hour', saved: 'Saved', renameHint: 'Stands before the text in sentences; empty: none.',
  },
  logLevel: {
    debug: 'Debug', info: 'Info', warn: 'Warning', error: 'Error', fatal: 'Fatal',
  },
  gateReason: {
    enabled_pass: 'the policy is on', enabled_stop: 'the policy is switched off', archived_pass: 'the policy is in use', archived_stop: 'the policy was archived', burning_pass: '{open_anomalies} of {anomalies} anomalies are open', burning_stop: 'no anomaly is open any more', attempts_pass: '{attempts} of {max_attempts} attempts used', attempts_stop: 'all {max_attempts} attempts are used', autonomy_auto: 'the policy may run by itself', autonomy_approve: 'the policy needs an approval', autonomy_suggest: 'the policy only suggests; a person starts the run', autonomy_shadow: 'the policy runs in shadow: decided and recorded, nothing is done', cooldown_none: 'no run on this target in the last day', cooldown_pass: 'the last run on this target ended {ago} s ago, rest is {cooldown_secs} s', cooldown_stop: 'this target rests for {left} s more (rest is {cooldown_secs} s)', limits_pass: 'below the limit in every window', limits_stop: '{max_runs} runs in {window_secs} s are the limit of this policy', breaker_pass: '{not_fixed_in_a_row} runs in a row did not fix it, {breaker_after} open the breaker', breaker_stop: '{not_fixed_in_a_row} runs in a row did not fix it; the breaker is open for {left} s more', freshness_pass: 'the data is {age} s old', freshness_stop: 'the data is {age} s old, at most {freshness_secs} s may be acted on', freshness_unknown: 'it is not known how old the data is', target_busy_pass: 'nothing else acts on this target', target_busy_stop: 'another run acts on this target', targets_at_once_pass: '{count} other targets are acted on, {max_targets_at_once} may be at once', targets_at_once_stop: '{count} other targets are acted on already, at most {max_targets_at_once} may be at once', echo_pass: 'not caused by a run of our own', echo_outlived: 'began in the shadow of our own run, but outlived it', echo_stop: 'every anomaly began in the shadow of our own run on this target; waiting for it to settle',
  },
  told: {
    decided: 'policy {policy}: {outcome}: {reason}', runQueued: 'run on {target} queued', runStarted: 'run started', runEnded: 'run ended: {state}', runEndedExit: 'run ended: {state}, exit code {code}', verifying: 'the effect is being measured', healthy: 'healthy', bad: 'not healthy yet', unknown: 'inconclusive so far', verdict: '{verdict}: {reason}', cause: 'most probable cause {entity} ({share})', causeNone: 'cause undetermined', notified: '{topic}: {state}',
  },
}
type Widen<T> = { [K in keyof T]: T[K] extends string ? string : Widen<T[K]> }
export type Messages = Widen<typeof en>
