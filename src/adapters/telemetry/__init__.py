"""What grantd tells its operators: a log and an audit trail."""
