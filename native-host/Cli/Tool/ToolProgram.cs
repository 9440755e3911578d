using System.Text;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Host.Cli.Tool;

/// <summary>The verbs over blocks. Exit codes: 0 done, 1 it could not be done or something is wrong, 2 wrong command line.</summary>
public static class ToolProgram
{
    private const int CannotDo = 1;
    private const int WrongCommandLine = 2;

    private static readonly ToolVerb[] Verbs =
    [
        new ListBlocksVerb(), new ListBlockVerb(), new ViewBlockVerb(), new ViewSchemaVerb(), new AnalyseBlockVerb(),
        new QueryTraceIdVerb(),
        new VerifyVerb(), new ConvertVerb(), new GenBloomVerb(), new GenIndexVerb(),
    ];

    /// <summary>Is this command line a verb's, and not the server's?</summary>
    public static bool IsVerb(string[] arguments) => arguments is [not ['-', ..], ..];

    public static int Run(string[] arguments, TextWriter output, TextWriter errors)
    {
        var verb = Verbs.FirstOrDefault(verb => arguments.Take(verb.Name.Split(' ').Length).SequenceEqual(verb.Name.Split(' ')));
        if (verb is null)
        {
            errors.Write((arguments[0] == "help"
                ? ""
                : $"unknown verb '{string.Join(' ', arguments.TakeWhile(static word => !word.StartsWith('-')).Take(2))}'\n") + Usage());
            return arguments[0] == "help" ? 0 : WrongCommandLine;
        }

        if (!ToolArguments.TryParse(arguments.AsSpan(verb.Name.Split(' ').Length), [.. ToolStorage.Options, .. verb.Options],
            out var parsed, out var error) || parsed.Names.Count < verb.NameCount || parsed.Names.Count > verb.MaxNameCount)
        {
            if (error.Length == 0)
                error = parsed.Names.Count < verb.NameCount
                    ? "a name is missing" : $"superfluous argument '{parsed.Names[verb.MaxNameCount]}'";
            errors.WriteLine($"{error}\nusage: {UsageOf(verb)}");
            return WrongCommandLine;
        }

        try
        {
            using var context = new ToolContext(parsed, output);
            return verb.RunAsync(context).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is ToolException or BlockReadException or ParquetFormatException or DamagedInputException
            or ObjectStoreException or IOException or UnauthorizedAccessException)
        {
            errors.WriteLine($"{verb.Name}: {e.Message}");
            return e is ToolException { IsCommandLine: true } ? WrongCommandLine : CannotDo;
        }
    }

    /// <summary>The verbs, for <c>-help</c>.</summary>
    public static string Usage()
    {
        var text = new StringBuilder(
            "Verbs over the blocks in a folder (--path, default tempo-data/blocks), or where the configuration of a server says (--config.file);\n"
            + $"of a bucket also {string.Join(", ", ToolStorage.Options.Skip(4).Select(static option => $"--{option}"))}:\n");
        foreach (var verb in Verbs) text.Append("  ").Append(UsageOf(verb)).Append("\n        ").Append(verb.Help).Append('\n');
        return text.Append("  failpoints\n        Where tests can end the server or have it fail (TEMPO_FAILPOINT and -failpoints.enabled).\n").ToString();
    }

    private static string UsageOf(ToolVerb verb) =>
        $"tempo {verb.Name} [--path <folder> | --config.file <file>]{string.Concat(verb.Options.Select(static option => $" [--{option} …]"))} {verb.Parameters}";
}
