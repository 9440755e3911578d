using System.Globalization;

namespace Tempo.Fuzz;

/// <summary>What one target is given: a number of runs or of seconds, and the seed of all chance.</summary>
internal readonly record struct FuzzOptions(long Runs, int Seconds, int Seed)
{
    public const int DefaultRuns = 1_000_000;

    /// <summary>Reads <c>--runs N</c>, <c>--seconds N</c> and <c>--seed S</c>; null, with the reason, for anything else.</summary>
    public static FuzzOptions? Parse(ReadOnlySpan<string> arguments, out string problem)
    {
        problem = "";
        var options = new FuzzOptions(DefaultRuns, 0, Seed: 1);
        for (var index = 0; index < arguments.Length; index += 2)
        {
            var name = arguments[index];
            var text = index + 1 < arguments.Length ? arguments[index + 1] : "";
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            {
                problem = $"{name}: expected a whole number behind it";
                return null;
            }

            switch (name)
            {
                case "--runs": options = options with { Runs = value, Seconds = 0 }; break;
                case "--seconds": options = options with { Runs = long.MaxValue, Seconds = value }; break;
                case "--seed": options = options with { Seed = value }; break;
                default:
                    problem = $"{name}: unknown option";
                    return null;
            }
        }

        return options;
    }

    public IEnumerable<string> ToArguments() =>
    [
        Seconds > 0 ? "--seconds" : "--runs",
        (Seconds > 0 ? Seconds : Runs).ToString(CultureInfo.InvariantCulture),
        "--seed",
        Seed.ToString(CultureInfo.InvariantCulture),
    ];
}
