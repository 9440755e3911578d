namespace Tempo.Engine.ObjectStore;

/// <summary>How patient and how eager a <see cref="RemoteObjectStore"/> is.</summary>
public sealed record RemoteOptions
{
    /// <summary>Folder under which everything is kept, without '/' at either end; empty for all of the bucket.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Of a part of a large upload, and the most that one request sends.</summary>
    public int PartSizeBytes { get; init; } = 16 << 20;

    public int MaxAttempts { get; init; } = 6;
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(100);
    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>One attempt may take this long, and longer by what its bytes take at <see cref="SlowestBytesPerSecond"/>.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(10);
    public int SlowestBytesPerSecond { get; init; } = 1 << 20;

    /// <summary>A read that has no answer after this is asked a second time; zero: never.</summary>
    public TimeSpan HedgeAfter { get; init; }

    /// <summary>Repetitions allowed per request that went well, so that a service in trouble is not given more to do.</summary>
    public double RetryShare { get; init; } = 0.1;

    /// <summary>Repetitions that are allowed before anything went well, and after a quiet time.</summary>
    public double RetryBurst { get; init; } = 50;

    /// <summary>After so many requests in a row that all attempts failed for, requests fail at once for <see cref="BreakFor"/>.</summary>
    public int BreakAfterFailures { get; init; } = 10;
    public TimeSpan BreakFor { get; init; } = TimeSpan.FromSeconds(5);
}
