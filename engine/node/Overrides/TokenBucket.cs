namespace Tempo.Engine.Node.Overrides;

/// <summary>What a token bucket says to a request.</summary>
public enum TokenAnswer
{
    Taken,

    /// <summary>Not now; later.</summary>
    Wait,

    /// <summary>More than the bucket ever holds.</summary>
    Never,
}

/// <summary>
/// Bytes that may come in: fills at the rate, holds at most the burst, begins full. Rate and burst come with each request, so
/// that a changed limit holds at once. Thread safe.
/// </summary>
public sealed class TokenBucket(TimeProvider time)
{
    private readonly Lock _lock = new();
    private double _tokens = double.MaxValue;
    private long _filledAt = time.GetTimestamp();

    /// <summary>Takes the bytes, or nothing.</summary>
    public TokenAnswer Take(long bytes, long ratePerSecond, long burst)
    {
        if (bytes > burst) return TokenAnswer.Never;
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var elapsed = time.GetElapsedTime(_filledAt, now).TotalSeconds;
            _filledAt = now;
            _tokens = Math.Min(burst, _tokens + Math.Max(0, elapsed) * ratePerSecond);
            if (bytes > _tokens) return TokenAnswer.Wait;
            _tokens -= bytes;
            return TokenAnswer.Taken;
        }
    }
}
