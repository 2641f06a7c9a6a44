//! `aiops audit verify`: walks the hash chain.

use crate::cli::AuditCommand;
use crate::settings::Settings;
use domain::ports::AuditStore as _;
use std::process::ExitCode;

pub(crate) async fn run(settings: Settings, command: AuditCommand) -> anyhow::Result<ExitCode> {
    let AuditCommand::Verify(args) = command;
    let database = super::open(&super::with_database(settings, args)?).await?;
    match database.verify_audit().await {
        Ok(rows) => {
            super::say(&format!("the audit chain holds: {rows} rows"));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            super::complain(&format!("the audit chain is broken: {error}"));
            Ok(ExitCode::FAILURE)
        }
    }
}
