using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.Registry;

/// <summary>A trace that fell into a bucket. Time 0: there is none.</summary>
public readonly record struct Exemplar(TraceId TraceId, double Value, long UnixMs);
