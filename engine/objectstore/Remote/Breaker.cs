namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Lets requests fail at once while a server answers nothing at all: after so many failures in a row it is given a rest, of which each
/// end lets one request through to see. Thread safe.
/// </summary>
internal sealed class Breaker(int afterFailures, TimeSpan rest, TimeProvider time)
{
    private readonly Lock _lock = new();
    private int _failuresInARow;
    private long _brokenSince;

    // What it was before a request was let through of which nothing was heard yet.
    private long? _brokenSinceBefore;

    /// <summary>Is it given a rest? False for the request that is let through.</summary>
    public bool IsBroken()
    {
        lock (_lock)
        {
            if (_failuresInARow < afterFailures) return false;
            if (time.GetElapsedTime(_brokenSince) < rest) return true;
            _brokenSinceBefore = _brokenSince;
            _brokenSince = time.GetTimestamp();
            return false;
        }
    }

    public void ReportSuccess()
    {
        lock (_lock)
        {
            _failuresInARow = 0;
            _brokenSinceBefore = null;
        }
    }

    public void ReportFailure()
    {
        lock (_lock)
        {
            _brokenSinceBefore = null;
            if (_failuresInARow < afterFailures) _failuresInARow++;
            if (_failuresInARow >= afterFailures) _brokenSince = time.GetTimestamp();
        }
    }

    /// <summary>A request has ended. If it was let through, and neither success nor failure was reported, the next one is.</summary>
    public void ReportEnd()
    {
        lock (_lock)
        {
            if (_brokenSinceBefore is not { } since) return;
            _brokenSince = since;
            _brokenSinceBefore = null;
        }
    }
}
