//! Answers SDKs from memory: OFREP, config download, change stream.
