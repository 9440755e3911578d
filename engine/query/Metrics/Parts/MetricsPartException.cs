namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// The bytes that are to be what a metrics query has counted elsewhere are not: damaged, of another version, another query or other
/// intervals. The message says what, and at which byte.
/// </summary>
public sealed class MetricsPartException(string message) : Exception(message);
