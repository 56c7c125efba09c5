"""What a milestone's own file would be too long with: a language, a net, a rule, layers. Each serves one paper."""
