using Tempo.Host.Config;

namespace Tempo.Host.Cli;

/// <summary>What the process was asked to do.</summary>
public enum Verb
{
    Run,
    Help,
    Version,

    /// <summary>Ask a running process whether it is ready.</summary>
    Health,

    /// <summary>Check the configuration and end.</summary>
    VerifyConfig,
}

/// <summary>
/// The command line: Tempo's flags, with one dash or two, as <c>-flag=value</c> or <c>-flag value</c>. A flag that means
/// a configuration key is applied after the file.
/// </summary>
public sealed class CommandLine
{
    private readonly List<(ConfigScalar Key, string Value, string Flag)> _settings = [];

    public Verb Verb { get; private set; } = Verb.Run;
    public string ConfigFile { get; private set; } = "";
    public bool ExpandEnvironment { get; private set; }
    public string HealthUrl { get; private set; } = "http://localhost:3200/ready";

    /// <summary>Failpoints of tests may be asked for.</summary>
    public bool AreFailpointsAllowed { get; private set; }

    /// <summary>Flags of Tempo that were given and have no effect here.</summary>
    public List<string> WithoutEffect { get; } = [];

    /// <summary>False with Go's message for a wrong command line; the process then ends with exit code 2.</summary>
    public static bool TryParse(ReadOnlySpan<string> arguments, out CommandLine command, out string error)
    {
        command = new CommandLine();
        error = "";
        for (var i = 0; i < arguments.Length; i++)
        {
            var argument = arguments[i];
            if (argument is not ['-', .. { Length: > 0 }] or "--")
            {
                error = $"unexpected argument {GoText.Quote(argument)}";
                return false;
            }

            var name = argument.TrimStart('-');
            var equals = name.IndexOf('=', StringComparison.Ordinal);
            var value = equals < 0 ? null : name[(equals + 1)..];
            if (equals >= 0) name = name[..equals];
            if (CliFlags.Find(name) is not { } flag)
            {
                error = $"flag provided but not defined: -{GoText.Quote(name)[1..^1]}";
                return false;
            }

            if (value is null && flag.IsSwitch)
                value = i + 1 < arguments.Length && arguments[i + 1] is "true" or "false" ? arguments[++i] : "true";
            else if (value is null && i + 1 < arguments.Length) value = arguments[++i];
            if (value is null)
            {
                error = $"flag needs an argument: -{name}";
                return false;
            }

            if (command.Take(flag, value) is not { } wrong) continue;
            error = $"invalid value {GoText.Quote(value)} for flag -{name}: {wrong}";
            return false;
        }

        return true;
    }

    /// <summary>Applies the flags that are configuration keys. They were checked when they were parsed.</summary>
    public void ApplyTo(HostOptions options)
    {
        foreach (var (key, value, flag) in _settings)
        {
            if (key.Set(options, value) is { } error) throw new ConfigException($"flag -{flag}: {error}");
        }
    }

    private string? Take(CliFlag flag, string value)
    {
        switch (flag.Name)
        {
            case "config.file": ConfigFile = value; return null;
            case "config.expand-env": return TakeSwitch(value, on => ExpandEnvironment = on);
            case "config.verify": return TakeSwitch(value, on => Verb = on ? Verb.VerifyConfig : Verb);
            case "failpoints.enabled": return TakeSwitch(value, on => AreFailpointsAllowed = on);
            case "version": return TakeSwitch(value, on => Verb = on ? Verb.Version : Verb);
            case "help" or "h": return TakeSwitch(value, on => Verb = on ? Verb.Help : Verb);
            case "health": return TakeSwitch(value, on => Verb = on ? Verb.Health : Verb);
            case "health.url": HealthUrl = value; return null;
        }

        if (flag.Key is null)
        {
            WithoutEffect.Add(flag.Name);
            return null;
        }

        _settings.Add((flag.Key, value, flag.Name));
        return flag.Key.Set(new HostOptions(), value);
    }

    private static string? TakeSwitch(string value, Action<bool> set)
    {
        if (value is not ("true" or "false")) return "true or false is expected";
        set(value == "true");
        return null;
    }
}
