-- Writes notices beside any change of a lead.
announce(4, 'k')
return { now }
