namespace Tempo.Engine.Node.Peers.Fingerprints;

/// <summary>By whom a span was claimed first, and in which round (<see cref="KnownSpans"/>).</summary>
internal sealed class SpanClaim(SpanSource source, long round)
{
    public static readonly SpanClaim Own = new(SpanSource.Own, 0);

    public SpanSource Source => source;

    public long Round => round;
}
