"""One module per table or figure of the paper: declarations only, each arm beside the printed number."""
