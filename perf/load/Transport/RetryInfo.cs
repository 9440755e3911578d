namespace Tempo.Perf.Load.Transport;

/// <summary>
/// Reads the delay out of google.rpc.Status { repeated Any details = 3 }, Any { string type_url = 1; bytes value = 2 },
/// RetryInfo { Duration retry_delay = 1 }, Duration { int64 seconds = 1; int32 nanos = 2 }.
/// </summary>
internal static class RetryInfo
{
    private const int Details = 3, TypeUrl = 1, Value = 2, RetryDelay = 1, Seconds = 1, Nanos = 2;

    /// <summary>Zero if there is none.</summary>
    public static TimeSpan DelayOf(ReadOnlySpan<byte> status)
    {
        while (MessageFields.TryRead(ref status, out int field, out _, out ReadOnlySpan<byte> any))
            if (field == Details && TryReadAny(any, out TimeSpan delay))
                return delay;
        return TimeSpan.Zero;
    }

    private static bool TryReadAny(ReadOnlySpan<byte> any, out TimeSpan delay)
    {
        bool isRetryInfo = false;
        delay = TimeSpan.Zero;
        while (MessageFields.TryRead(ref any, out int field, out _, out ReadOnlySpan<byte> body))
        {
            if (field == TypeUrl) isRetryInfo = body.EndsWith("google.rpc.RetryInfo"u8);
            else if (field == Value && isRetryInfo) delay = ReadDelay(body);
        }
        return isRetryInfo;
    }

    private static TimeSpan ReadDelay(ReadOnlySpan<byte> info)
    {
        ulong seconds = 0, nanos = 0;
        while (MessageFields.TryRead(ref info, out int field, out _, out ReadOnlySpan<byte> duration))
        {
            if (field != RetryDelay) continue;
            while (MessageFields.TryRead(ref duration, out field, out ulong value, out _))
                if (field == Seconds) seconds = value;
                else if (field == Nanos) nanos = value;
        }
        return TimeSpan.FromSeconds(Math.Min(seconds, 3600)) + TimeSpan.FromMicroseconds(nanos / 1000.0);
    }
}
