//! Opinions in memory.

use async_trait::async_trait;
use domain::anomaly::Anomaly;
use domain::feedback::Feedback;
use domain::identity::Audit;
use domain::ports::FeedbackStore;
use domain::{Error, Id, Result, Time};
use std::sync::Mutex;

/// Anomalies that are known, and what was said.
#[derive(Debug, Default)]
pub(crate) struct Opinions {
    pub(crate) anomalies: Mutex<Vec<Anomaly>>,
    said: Mutex<Vec<Feedback>>,
}

impl Opinions {
    fn those(&self, wanted: impl Fn(&Feedback) -> bool) -> Vec<Feedback> {
        self.said.lock().unwrap().iter().filter(|f| wanted(f)).cloned().collect()
    }
}

#[async_trait]
impl FeedbackStore for Opinions {
    async fn anomaly(&self, id: Id) -> Result<Anomaly> {
        let all = self.anomalies.lock().unwrap();
        all.iter().find(|a| a.id == id).cloned().ok_or_else(|| Error::not_found("anomaly"))
    }

    async fn say(&self, feedback: Feedback, _audit: Audit) -> Result<()> {
        let mut said = self.said.lock().unwrap();
        said.retain(|f| (f.anomaly_id, &f.by) != (feedback.anomaly_id, &feedback.by));
        said.push(feedback);
        Ok(())
    }

    async fn feedback_of(&self, monitor_id: Id, since: Time) -> Result<Vec<Feedback>> {
        Ok(self.those(|f| f.monitor_id == monitor_id && f.at > since))
    }

    async fn feedback_on(&self, anomaly_id: Id) -> Result<Vec<Feedback>> {
        Ok(self.those(|f| f.anomaly_id == anomaly_id))
    }

    async fn all_feedback(&self, since: Time) -> Result<Vec<Feedback>> {
        Ok(self.those(|f| f.at > since))
    }

    async fn forget_feedback(&self, monitor_id: Id, _audit: Audit) -> Result<u64> {
        self.said.lock().unwrap().retain(|f| f.monitor_id != monitor_id);
        Ok(0)
    }
}
