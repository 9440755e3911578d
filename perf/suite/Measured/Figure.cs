namespace Tempo.Perf.Suite.Measured;

/// <summary>One measured thing: a value a round of ours and, with a peer, of the peer's in the same round.</summary>
internal sealed class Figure(string name, string unit, bool isMoreBetter)
{
    /// <summary>Less than this is no difference.</summary>
    private const double LeastDifference = 0.03;

    public string Name => name;
    public string Unit => unit;
    public List<double> Ours { get; } = [];
    public List<double> Peer { get; } = [];

    public void Add(string server, double? value)
    {
        if (value is { } number) (server == "ours" ? Ours : Peer).Add(number);
    }

    /// <summary>How many times better ours is, round by round: rounds alternate, so that what disturbs the machine disturbs both.</summary>
    public List<double> Ratios() => [.. Ours.Zip(Peer, (ours, peer) => isMoreBetter ? ours / peer : peer / ours).Where(double.IsFinite)];

    /// <summary>
    /// Better or worse only if the worst round of the one is better than the best of the other, which chance makes of equals once in 126
    /// times with five rounds, and once in ten with three.
    /// </summary>
    public string Verdict()
    {
        List<double> ratios = Ratios();
        if (ratios.Count == 0) return "";
        bool isApart = Ours.Max() < Peer.Min() || Ours.Min() > Peer.Max();
        double median = Median(ratios);
        return !isApart || Math.Abs(median - 1) < LeastDifference ? "same" : median > 1 ? "better" : "WORSE";
    }

    public static double Median(List<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
