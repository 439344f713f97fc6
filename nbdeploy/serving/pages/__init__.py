"""What a model says of itself to people and their tools: an OpenAPI document, and a page to try it on."""
