"""The consumer: events of Kafka, or of the queue in the store, to accounts made fresh."""
