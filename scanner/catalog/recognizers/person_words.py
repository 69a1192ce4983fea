"""Common names of several countries, Latin and romanised, and words that firms, streets and goods are named with."""

from __future__ import annotations

from scanner.catalog.recognizers.base import tokens

FIRST_NAMES = tokens("""
    james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark
    donald steven paul andrew joshua kenneth kevin brian george edward ronald timothy jason jeffrey ryan jacob gary
    nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory frank alexander raymond patrick
    jack dennis jerry tyler aaron jose adam henry nathan douglas zachary peter kyle walter ethan jeremy harold keith
    christian roger noah gerald carl terry sean austin arthur lawrence jesse dylan bryan joe jordan billy bruce albert
    willie gabriel logan alan juan wayne roy ralph randy eugene vincent russell elijah louis bobby philip johnny liam
    mason lucas oliver leo max felix hugo oscar theo harry charlie archie alfie freddie isaac caleb connor evan gavin
    ian colin craig derek grant hector ivan julian karl kurt lance leon marcus martin miles neil owen quentin rafael
    rick rodney ross rupert simon stuart ted todd tony travis trevor victor warren wesley xavier yusuf mohammed
    muhammad ahmed ali omar hassan hussein ibrahim khalid mustafa amir mary patricia jennifer linda elizabeth barbara
    susan jessica sarah karen lisa nancy betty margaret sandra ashley kimberly emily donna michelle carol amanda
    melissa deborah stephanie rebecca sharon laura cynthia dorothy amy kathleen angela shirley emma brenda pamela
    nicole anna samantha katherine christine debra rachel carolyn janet maria olivia heather helen catherine diane
    julie victoria joyce lauren kelly christina ruth joan virginia judith evelyn hannah andrea megan cheryl jacqueline
    madison teresa abigail sophia martha sara gloria janice kathryn ann isabella judy charlotte julia grace amber
    alice jean denise frances danielle marilyn natalie beverly diana brittany theresa kayla alexis doris lori tiffany
    mia ava chloe zoe lily ella ruby poppy daisy freya phoebe isla holly lucy molly eva claire fiona gemma heidi irene
    jane jill kate kathy kim leah lucia mabel monica naomi nina nora paula penny priya rose rosie sally sofia stella
    sylvia tara vanessa vera wendy yvonne fatima aisha zainab natalia sieghard hannelore ilse edith elfriede hildegard
    waltraud gudrun rosemarie annette angelika barbara cornelia dagmar elke gerda iris jutta katharina lieselotte
    margarete regina roswitha sigrid steffen thorsten volker wilhelm rainer rolf reinhard siegfried ernst erich egon
    ludwig joachim hartmut konrad lothar norbert ottmar rüdiger ulrich udo holger ingo frank sascha marcel dominik
    fabian kevin timo juana concepción encarnación francisca antonia manuela rosario luisa mercedes inmaculada
    montserrat esperanza consuelo yolanda silvia sonia alicia irene lorena nuria raquel alejandra gonzalo ignacio
    joaquín ramón enrique vicente andrés óscar rubén iván adrián álvaro mario césar héctor guillermo salvador felipe
    alfonso ricardo emilio julio lorenzo esteban agustín tomás gregorio salvatore vincenzo domenico angelo gennaro
    pasquale raffaele carlo enrico franco bruno sandro claudio massimo fabio simone daniele alberto riccardo gabriele
    emanuele rosa angela giovanna teresa lucia carmela caterina daniela rita sara paola laura antonella mariangela
    ornella patrizia rosaria serena simona stefania tiziana maria krystyna janina zofia jadwiga danuta irena halina
    helena grażyna jolanta dorota iwona beata monika magdalena joanna karolina aleksandra natalia weronika zuzanna
    marek zbigniew stanisław jerzy tadeusz adam józef ryszard henryk mariusz marcin grzegorz dariusz mateusz kamil
    jakub maciej bartosz łukasz wojciech robert rafał jacek sebastian sophie hélène anne catherine martine monique
    véronique christine dominique patricia laure virginie emmanuelle stéphanie lucie marguerite thérèse yves andré
    rené marcel henri georges roger daniel gérard alain patrick éric laurent olivier stéphane vincent sébastien
    frédéric jérôme maxime théo benoît gilles xavier hans jürgen juergen klaus wolfgang günter guenter heinz werner
    dieter helmut manfred gerhard uwe bernd stefan andreas jens torsten sven dirk ralf matthias markus tobias florian
    lukas jonas finn niklas moritz maximilian sebastian ursula monika petra sabine renate gisela helga karin brigitte
    ingrid erika heike kerstin anja katrin birgit susanne martina claudia silke tanja nadine lena lea marie johanna
    greta frieda pierre michel jacques philippe alain bernard christophe nicolas laurent julien antoine guillaume
    françois francois louise camille manon léa chloé inès jeanne isabelle nathalie sylvie valérie sandrine céline
    aurélie élodie mathilde margaux giuseppe giovanni antonio mario luigi francesco marco luca matteo alessandro
    lorenzo davide paolo roberto stefano giorgio chiara giulia francesca elena alessia martina federica silvia
    valentina carlos miguel luis jorge pedro manuel javier francisco alejandro diego pablo sergio fernando alberto
    andrés jesús ángel raúl carmen josefa isabel dolores pilar teresa ana cristina marta lucía paula raquel rosa joão
    joao tiago rui nuno inês beatriz jan piotr krzysztof andrzej tomasz paweł michał katarzyna małgorzata agnieszka
    barbara ewa lars erik johan anders mikael anna eva kristina ingvar björn bjorn olaf henrik mats kai jari timo
    antti mika wei ming jing li yan hui lei hong ying xin yuki hiroshi takashi kenji satoshi akira haruto sakura yui
    aoi hana naoko keiko yoko raj rahul amit sanjay vijay anil sunil deepak ravi arjun ananya pooja neha anjali sunita
    """)

LAST_NAMES = tokens("""
    smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson
    thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson walker
    young allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera campbell mitchell
    carter roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris morales murphy
    cook rogers gutierrez ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward richardson watson
    brooks chavez wood james bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers long ross
    foster jimenez powell jenkins perry russell sullivan bell coleman butler henderson barnes gonzales fisher vasquez
    simmons romero jordan patterson alexander hamilton graham reynolds griffin wallace moreno west cole hayes bryant
    herrera gibson ellis tran medina aguilar stevens murray ford castro marshall owens harrison fernandez mcdonald
    woods washington kennedy wells vargas henry chen freeman webb tucker guzman burns crawford olson simpson porter
    hunter gordon mendez silva shaw snyder mason dixon munoz hunt hicks holmes palmer wagner black robertson boyd rose
    stone salazar fox warren mills meyer rice schmidt daniels ferguson nichols stephens soto weaver ryan gardner payne
    grant dunn kelley spencer hawkins arnold pierce hansen peters santos hart bradley knight elliott cunningham duncan
    armstrong hudson carroll lane riley andrews alvarado ray delgado berry perkins hoffman johnston matthews pena
    richards contreras willis carpenter lawrence sandoval guerrero george chapman rios estrada ortega watkins greene
    nunez wheeler valdez harper burke larson santiago maldonado morrison franklin carlson austin dominguez carr lawson
    jacobs obrien lynch singh vega bishop montgomery oliver jensen harvey williamson gilbert dean sims espinoza howell
    li wong reid hanson le mccoy garrett burton fuller wang weber welch rojas lucas marquez fields park yang little
    banks padilla day walsh bowman schultz luna fowler mejia müller mueller schneider fischer becker schulz koch bauer
    richter klein wolf schröder schroeder neumann schwarz zimmermann braun krüger krueger hofmann hartmann lange
    schmitt werner krause meier lehmann schmid schulze maier köhler koehler herrmann könig koenig walter mayer huber
    kaiser fuchs lang scholz möller moeller weiß weiss jung hahn vogel friedrich keller günther berger winkler roth
    beck lorenz baumann franke albrecht schuster simon ludwig böhm winter kraus schumacher krämer vogt stein dubois
    durand leroy moreau laurent lefebvre michel bertrand roux fournier girard bonnet dupont lambert fontaine rousseau
    vincent morel rossi russo ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti costa
    giordano mancini rizzo lombardi moretti ferreira oliveira pereira santos sousa rodrigues alves kowalski nowak
    wiśniewski jansen visser bakker smit dekker johansson andersson karlsson nilsson eriksson larsson olsson persson
    svensson gustafsson hansen olsen larsen nielsen jensen pedersen virtanen korhonen sato suzuki takahashi tanaka
    watanabe ito yamamoto nakamura kobayashi kato yoshida yamada zhang liu huang zhao wu zhou xu sun zhu lin guo
    sharma kumar gupta khan ahmed hussain begum shah klemt franke arnold beyer busch dietrich engel ernst fiedler fink
    frank geiger graf groß haas heinrich horn jäger jahn kern kuhn kühn lindner ludwig martin möhring otto pfeiffer
    pohl reinhardt sauer schenk schreiber schubert schumann seidel sommer thiel voigt weiss wild winkler ziegler
    ullrich vogt garcía fernández gonzález rodríguez lópez martínez sánchez pérez gómez martín jiménez ruiz hernández
    díaz moreno muñoz álvarez romero gutiérrez navarro torres domínguez vázquez gil serrano blanco molina suárez
    delgado ortega rubio marín sanz iglesias núñez medina garrido cortés lozano cano guerrero prieto méndez calvo
    gallego vidal león márquez herrera peña cabrera campos fuentes carrasco diez reyes caballero nieto aguilar pascual
    santana herrero montero lorenzo hidalgo giménez ibáñez ferrer durán bruno rizzo galli fontana caruso mariani
    ferrara santoro rinaldi leone longo gentile martinelli vitale serra conte villa marchetti bianco fabbri barbieri
    ferri bellini basile riva donati piras monti palumbo grassi testa valentini nowak kowalski wiśniewski wójcik
    kowalczyk kamiński lewandowski zieliński szymański woźniak dąbrowski kozłowski jankowski mazur wojciechowski
    kwiatkowski krawczyk kaczmarek piotrowski grabowski zając pawłowski michalski król wieczorek jabłoński wróbel
    petit robert richard simon garnier faure andre mercier blanc guerin boyer chevalier francois legrand gauthier
    garcia perrin robin clement morin nicolas henry roussel mathieu gautier masson marchand duval denis dumont marie
    lemaire noel meyer
    """)

ROMANISED_SURNAMES = tokens("""
    kim lee park choi jung jeong kang cho jo yoon yun jang lim im rim han oh seo shin sin kwon hwang ahn an song ryu
    yoo yu jeon chun hong ko go moon mun yang son sohn bae baek paik heo hur huh nam shim sim noh no roh ha kwak
    sung seong cha joo ju woo koo gu min na jin ji um eom chae won cheon bang kong hyun ham byun yeom yeo chu do so
    seok seon seol ma gil wi pyo myung ki ban wang namgung hwangbo lyu rhee yi pak chung
    """)

ROMANISED_GIVEN = tokens("""
    min seo ji hyun su soo young yeong jung jeong eun jun joon woo yeon sung seong kyung gyeong jin hee hui mi ho ju
    joo ha jae yoon yun hye seung dong sang soon sun ja sook suk ok chul cheol seok tae ah a ye do si yu yoo bin won
    hoon hun kyu gyu yong jong ki gi seon in na ra da chae yul geon gun hwan hyuk hyeok hyung hyeong sub seop sik
    wook uk woong ung il chang chan han nam rin lin ri lee kwang gwang geun keun gil duk deok myung myeong kwon hyo
    bo byung byeong ran ae hwa hyang chun
    """)

# Words of firms, streets and goods: a column with many of them is not one of people.
FIRM_WORDS = tokens("""
    inc ltd llc corp corporation company co gmbh ag plc group holdings bank insurance university school hospital hotel
    store shop center centre market street avenue road lane drive boulevard city new south north east west san los
    saint santa port lake mount fort county island republic united kingdom states shirt pants jacket dress shoes bag
    hat socks skirt coat sweater jeans blue red green black white pink yellow purple brown gray grey cotton leather
    wool silk wooden steel rubber plastic metal frozen fresh granite concrete soft small large medium table chair lamp
    desk phone laptop keyboard mouse monitor cable charger case watch cream juice coffee tea milk cheese bread rice
    chicken beef pork fish salad soup noodle kimchi soap towel pro max mini plus ultra galaxy iphone set pack box
    premium classic deluxe edition series model system service services solutions technologies technology tech
    software media digital global international sales marketing finance engineering support operations manager
    director senior junior assistant officer analyst engineer developer designer london paris berlin tokyo chicago
    boston seattle houston dallas denver atlanta miami phoenix philadelphia detroit portland memphis baltimore
    milwaukee albuquerque tucson fresno sacramento mesa omaha oakland minneapolis tulsa tampa orleans wichita
    cleveland honolulu anaheim lexington stockton cincinnati pittsburgh anchorage toledo newark plano orlando raleigh
    manchester birmingham leeds glasgow edinburgh liverpool bristol cardiff belfast madrid barcelona rome milan vienna
    munich hamburg cologne frankfurt stuttgart brussels amsterdam lisbon dublin oslo stockholm helsinki copenhagen
    warsaw prague budapest athens moscow istanbul cairo dubai delhi mumbai beijing shanghai singapore osaka kyoto
    seoul busan incheon daegu daejeon gwangju ulsan sejong suwon jeju gangnam toronto montreal vancouver ottawa sydney
    melbourne germany france spain italy england scotland wales ireland poland sweden norway denmark finland korea
    japan china russia brazil mexico canada australia india turkey greece portugal austria switzerland belgium
    netherlands el fe texas california florida ohio pending shipped delivered cancelled completed processing active
    inactive approved rejected the and of for with your our & sons partners associates industries foods
    """)
