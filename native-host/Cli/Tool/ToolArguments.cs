namespace Tempo.Host.Cli.Tool;

/// <summary>What stands behind a verb: names and options, as <c>--option=value</c> or <c>--option value</c>.</summary>
public sealed class ToolArguments
{
    private readonly Dictionary<string, string> _options = new(StringComparer.Ordinal);

    /// <summary>What is no option, in order.</summary>
    public List<string> Names { get; } = [];

    /// <summary>False with a message for an option that the verb does not have, or one without its value.</summary>
    public static bool TryParse(ReadOnlySpan<string> arguments, IReadOnlyList<string> options, out ToolArguments parsed, out string error)
    {
        parsed = new ToolArguments();
        for (var i = 0; i < arguments.Length; i++)
        {
            var argument = arguments[i];
            if (argument is not ['-', .. { Length: > 0 }])
            {
                parsed.Names.Add(argument);
                continue;
            }

            var name = argument.TrimStart('-');
            var equals = name.IndexOf('=', StringComparison.Ordinal);
            var value = equals >= 0 ? name[(equals + 1)..] : i + 1 < arguments.Length ? arguments[++i] : null;
            if (equals >= 0) name = name[..equals];
            error = !options.Contains(name) ? $"unknown option --{name}" : value is null ? $"option --{name} needs a value" : "";
            if (error.Length > 0) return false;
            parsed._options[name] = value!;
        }

        error = "";
        return true;
    }

    /// <summary>The option's value, or the default.</summary>
    public string Option(string name, string otherwise = "") => _options.GetValueOrDefault(name, otherwise);
}
