-- Writes notices beside any change of a lead.
announce(4, (#ARGV - 3) / 7, 'k')
return { now }
