namespace Tempo.Engine.Node.Peers.Fingerprints;

/// <summary>By whom a span was claimed first, and in which round (<see cref="KnownSpans"/>).</summary>
internal sealed class SpanClaim(SpanSource source, long round)
{
    /// <summary>What one takes: a header, its type, and these two.</summary>
    public const int ObjectBytes = 4 * sizeof(long);

    public static readonly SpanClaim Own = new(SpanSource.Own, 0);

    public SpanSource Source => source;

    public long Round => round;
}
