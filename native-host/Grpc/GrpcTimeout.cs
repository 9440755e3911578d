namespace Tempo.Host.Grpc;

/// <summary>The <c>grpc-timeout</c> header: 1 to 8 digits and a unit (H, M, S, m, u, n).</summary>
public static class GrpcTimeout
{
    /// <summary>Longer timeouts are none: a timer cannot hold them, and no call lives that long.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(20);

    /// <summary>False if the text is not a timeout. <see cref="Timeout.InfiniteTimeSpan"/> stands for one too long to matter.</summary>
    public static bool TryParse(string text, out TimeSpan timeout)
    {
        timeout = default;
        const int maxDigits = 8;
        if (text.Length is < 2 or > maxDigits + 1) return false;
        long number = 0;
        foreach (var c in text.AsSpan(0, text.Length - 1))
        {
            if (!char.IsAsciiDigit(c)) return false;
            number = number * 10 + (c - '0');
        }

        // 99,999,999 hours are 3.6e17 ticks: no overflow.
        long? ticks = text[^1] switch
        {
            'H' => number * TimeSpan.TicksPerHour,
            'M' => number * TimeSpan.TicksPerMinute,
            'S' => number * TimeSpan.TicksPerSecond,
            'm' => number * TimeSpan.TicksPerMillisecond,
            'u' => number * TimeSpan.TicksPerMicrosecond,
            'n' => (number + 99) / 100,
            _ => null,
        };
        if (ticks is null) return false;
        timeout = TimeSpan.FromTicks(ticks.Value);
        if (timeout > Longest) timeout = Timeout.InfiniteTimeSpan;
        return true;
    }
}
