namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Limits how much more work repetitions make for a service in trouble: a bucket that every success fills a little and every
/// repetition empties by one; and a breaker that lets requests fail at once while the service answers nothing at all.
/// Thread safe.
/// </summary>
internal sealed class RetryBudget(RemoteOptions options, TimeProvider time)
{
    private readonly Lock _lock = new();
    private double _tokens = options.RetryBurst;
    private readonly Breaker _breaker = new(options.BreakAfterFailures, options.BreakFor, time);

    /// <summary>Is the service given a rest? One request each <see cref="RemoteOptions.BreakFor"/> is let through to see.</summary>
    public bool IsBroken() => _breaker.IsBroken();

    public void ReportSuccess()
    {
        _breaker.ReportSuccess();
        lock (_lock) _tokens = Math.Min(options.RetryBurst, _tokens + options.RetryShare);
    }

    /// <summary>A request whose attempts are used up.</summary>
    public void ReportFailure() => _breaker.ReportFailure();

    /// <summary>Of each request, after what came of it: one that was cancelled says nothing, and the next may see.</summary>
    public void ReportEnd() => _breaker.ReportEnd();

    /// <summary>May one more attempt be made?</summary>
    public bool TryTake()
    {
        lock (_lock)
        {
            if (_tokens < 1) return false;
            _tokens--;
            return true;
        }
    }
}
