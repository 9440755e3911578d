using System.IO.Pipelines;

namespace Tempo.Host.Receivers;

/// <summary>
/// How fast a body has to come, whatever it comes by. What has come of it holds memory that all senders share, so a rate in the mean is not
/// enough: sixteen megabytes would earn hours of silence.
/// </summary>
public static class BodyPace
{
    /// <summary>In the mean, once <see cref="Grace"/> is over: less than any link that is of use.</summary>
    public const int LeastBytesPerSecond = 4096;

    /// <summary>From the beginning.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    /// <summary>Between two pieces: exporters themselves give up a request after ten seconds.</summary>
    public static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(10);

    /// <summary>For who was too slow.</summary>
    public static string Rule { get; } = $"after {Grace.TotalSeconds} s, {LeastBytesPerSecond} bytes a second are the least, and no {MaxSilence.TotalSeconds} s may be silent";

    /// <summary>How long the next piece may be waited for; not below zero.</summary>
    public static TimeSpan Left(long receivedBytes, TimeSpan elapsed)
    {
        var left = Grace + TimeSpan.FromSeconds((double)receivedBytes / LeastBytesPerSecond) - elapsed;
        return left < TimeSpan.Zero ? TimeSpan.Zero : left < MaxSilence ? left : MaxSilence;
    }

    /// <summary>The next piece; a canceled result if it took too long.</summary>
    /// <param name="started">When the body began, as a timestamp of <paramref name="time"/>.</param>
    public static ValueTask<ReadResult> ReadAsync(
        PipeReader reader, TimeProvider time, long started, long receivedBytes, CancellationToken cancellation)
    {
        var reading = reader.ReadAsync(cancellation);
        return reading.IsCompletedSuccessfully
            ? reading
            : WaitAsync(reader, reading, time, Left(receivedBytes, time.GetElapsedTime(started)));
    }

    private static async ValueTask<ReadResult> WaitAsync(PipeReader reader, ValueTask<ReadResult> reading, TimeProvider time, TimeSpan left)
    {
        var timer = time.CreateTimer(static state => ((PipeReader)state!).CancelPendingRead(), reader, left, Timeout.InfiniteTimeSpan);
        await using (timer.ConfigureAwait(false)) return await reading.ConfigureAwait(false);
    }
}
